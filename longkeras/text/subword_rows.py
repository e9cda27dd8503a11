"""Rows of subword ids: special tokens around the texts, truncation and padding."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from longkeras.text.subword_definition import SpecialTokens

# Lengths that are not fixed are multiples of this, so that fewer shapes are compiled.
LENGTH_UNIT = 64


@dataclass(frozen=True, repr=False)
class TokenReport:
    """Counts of the tokens of each text that were read, without special tokens.

    Printing it shows the totals.

    Args:
        tokens_read: tuple of int, one per text.
        tokens_dropped: tuple of int, one per text: the tokens that truncation removed.
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
    """The lengths to which one or two texts are truncated to fit into `room` tokens.

    `truncate="round_robin"` cuts the longer text first; `"waterfall"` cuts the
    second text first.
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
    """The length to which rows are padded: `sequence_length`, if it is given."""
    if sequence_length is not None:
        return sequence_length
    rounded = -(-max(longest, 1) // LENGTH_UNIT) * LENGTH_UNIT
    return min(rounded, max_sequence_length)


def padded_rows(rows: Sequence[np.ndarray], length: int, value: int) -> np.ndarray:
    """Rows as an int32 array `(rows, length)`, padded on the right with `value`."""
    table = np.full((len(rows), length), value, dtype=np.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table


@dataclass(frozen=True)
class TemplatePart:
    """A special token, or one of the texts.

    Args:
        token: str, or None for a text.
        text: int. The text's index, 0 or 1; -1 for a token.
        segment: int. The segment id.
    """

    token: str | None
    text: int
    segment: int


@dataclass(frozen=True, eq=False)
class PackedTexts:
    """One row of ids, with special tokens.

    Args:
        token_ids: int32 array of shape (length,).
        segment_ids: int32 array of shape (length,).
        starts: tuple of int. The position of each text's first token.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Template:
    """The layout of one text and of two texts in a row.

    Args:
        single: tuple of `TemplatePart`, for one text.
        pair: tuple of `TemplatePart`, for two.
    """

    single: tuple[TemplatePart, ...]
    pair: tuple[TemplatePart, ...]

    def parts(self, texts: int) -> tuple[TemplatePart, ...]:
        """The parts of a row of that many texts, 1 or 2."""
        return self.single if texts == 1 else self.pair

    def count(self, texts: int) -> int:
        """The number of special tokens in a row of that many texts."""
        return sum(part.token is not None for part in self.parts(texts))

    def packed(self, texts: list[np.ndarray], ids: dict[str, int]) -> PackedTexts:
        """The ids of one or two texts as a row."""
        pieces, segments, starts, length = [], [], [0] * len(texts), 0
        for part in self.parts(len(texts)):
            if part.token is None:
                starts[part.text] = length
                piece = texts[part.text]
            else:
                piece = np.array([ids[part.token]], dtype=np.int32)
            pieces.append(piece)
            segments.append(np.full(len(piece), part.segment, dtype=np.int32))
            length += len(piece)
        row, kinds = np.concatenate(pieces), np.concatenate(segments)
        return PackedTexts(row.astype(np.int32), kinds, tuple(starts))


def read_template(definition: str, special: SpecialTokens) -> Template:
    """The template of a `tokenizer.json`, or a default one with these tokens."""
    processor = json.loads(definition).get("post_processor") or {}
    steps = processor.get("processors", [processor])
    for step in reversed(steps):
        if step.get("type") == "TemplateProcessing":
            single, pair = (_parts(step[name]) for name in ("single", "pair"))
            return Template(single, pair)
        if step.get("type") in ("RobertaProcessing", "BertProcessing"):
            start, end = step["cls"][0], step["sep"][0]
            double = step["type"] == "RobertaProcessing"
            return _usual(start, end, end, separators=2 if double else 1)
    return _usual(special.start, special.end, special.separator, separators=1)


def _parts(parts: list[dict[str, Any]]) -> tuple[TemplatePart, ...]:
    found = []
    for part in parts:
        kind, content = next(iter(part.items()))
        name, segment = content["id"], content["type_id"]
        if kind == "SpecialToken":
            found.append(TemplatePart(name, -1, segment))
        else:
            found.append(TemplatePart(None, "AB".index(name), segment))
    return tuple(found)


def _usual(start: str, end: str, separator: str, separators: int) -> Template:
    """RoBERTa's two separators in one segment, or BERT's one between two segments."""
    second = 0 if separators == 2 else 1
    single = (_token(start), TemplatePart(None, 0, 0), _token(end))
    between = (_token(separator),) * separators
    tail = (TemplatePart(None, 1, second), _token(end, second))
    return Template(single, (*single[:2], *between, *tail))


def _token(name: str, segment: int = 0) -> TemplatePart:
    return TemplatePart(name, -1, segment)
