"""Rows of ids of one length: what is cut, what is padded, and what was read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Lengths that are not fixed are multiples of this: fewer shapes to compile.
LENGTH_UNIT = 64


@dataclass(frozen=True, repr=False)
class TokenReport:
    """How many tokens of each text were read, special tokens not counted.

    Printing it gives the totals.

    Args:
        tokens_read: tuple of int, one a text.
        tokens_dropped: tuple of int, one a text: those behind the cut.
    """

    tokens_read: tuple[int, ...]
    tokens_dropped: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every text was read to its end."""
        return not any(self.tokens_dropped)

    def __repr__(self) -> str:
        read, dropped = sum(self.tokens_read), sum(self.tokens_dropped)
        cut = sum(count > 0 for count in self.tokens_dropped)
        lengths = map(sum, zip(self.tokens_read, self.tokens_dropped, strict=True))
        return (
            f"<TokenReport: {read} of {read + dropped} tokens read, "
            f"{cut} of {len(self.tokens_read)} texts cut, "
            f"longest text {max(lengths, default=0)} tokens>"
        )


def kept_lengths(lengths: Sequence[int], room: int, truncate: str) -> list[int]:
    """How much of one text or of two fits into a row.

    Args:
        lengths: list of one int or two. The texts' lengths.
        room: int. Tokens that fit in all.
        truncate: str. `"round_robin"` gives the texts turns, so that the longer one
            is cut first; `"waterfall"` takes the first text before the second.

    Returns:
        list of int, one a text.
    """
    if len(lengths) == 1:
        return [min(lengths[0], room)]
    first, second = lengths
    if truncate == "round_robin":
        first = min(first, max(room - second, (room + 1) // 2))
    first = min(first, room)
    return [first, min(second, room - first)]


def row_length(
    longest: int, sequence_length: int | None, max_sequence_length: int
) -> int:
    """The length to which rows are padded.

    Args:
        longest: int. The longest row.
        sequence_length: int, or None to take the longest's, rounded up to a multiple
            of 64.
        max_sequence_length: int. The most it may be then.

    Returns:
        int.
    """
    if sequence_length is not None:
        return sequence_length
    rounded = -(-max(longest, 1) // LENGTH_UNIT) * LENGTH_UNIT
    return min(rounded, max_sequence_length)


def padded_rows(rows: Sequence[np.ndarray], length: int, value: int) -> np.ndarray:
    """Rows as a rectangle, padded on the right.

    Args:
        rows: list of int arrays `(at most length,)`.
        length: int.
        value: int. Stands where a row has ended.

    Returns:
        int32 array `(rows, length)`.
    """
    table = np.full((len(rows), length), value, dtype=np.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table
