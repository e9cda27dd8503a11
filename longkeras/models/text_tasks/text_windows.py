"""Windows that together hold all of a long text."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class TextWindows:
    """Overlapping windows over one text, ready for `predict` or `fit`.

    Args:
        text: str. The whole text.
        inputs: dict of int32 arrays `(windows, sequence)`, the inputs of a model.
        offsets: int32 array `(windows, sequence, 2)`. The characters of the text that
            each token stands for; -1 at special tokens, padding and questions.
        targets: dict of int32 arrays `(windows,)` for `fit`, or None if no answer
            was given. Defaults to `None`.
    """

    text: str
    inputs: dict[str, np.ndarray]
    offsets: np.ndarray
    targets: dict[str, np.ndarray] | None = None

    def __len__(self):
        return len(self.offsets)

    def __repr__(self):
        count, length = self.offsets.shape[:2]
        return (
            f"<TextWindows: {count} windows of {length} tokens over a text of "
            f"{len(self.text)} characters>"
        )


def window_offsets(rows, offsets, length):
    """Return the characters of each token, int32 `(windows, length, 2)`.

    `offsets` has an array `(tokens, 2)` for the last text of each `Row`; `length` is
    that of the padded rows.
    """
    table = np.full((len(rows), length, 2), -1, dtype=np.int32)
    for line, row, characters in zip(table, rows, offsets, strict=True):
        start = row.starts[-1]
        line[start : start + len(characters)] = characters
    return table
