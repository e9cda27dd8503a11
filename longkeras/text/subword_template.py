"""Where the special tokens stand around one text or two."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from longkeras.text.subword_definition import SpecialTokens


@dataclass(frozen=True)
class TemplatePart:
    """A special token, or one of the texts.

    Args:
        token: str, or None for a text.
        text: int. Which text it is, 0 or 1; -1 for a token.
        segment: int. Its segment id.
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
        starts: tuple of int. Where each text's first token stands.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Template:
    """How one text and how two texts are written as a row.

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
        """Writes ids of one or two texts as a row."""
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
    """Reads the template that a `tokenizer.json` holds.

    Args:
        definition: str. The text of the `tokenizer.json`.
        special: `SpecialTokens`, for a definition that holds none.

    Returns:
        `Template`.
    """
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
