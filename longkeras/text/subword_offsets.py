"""Character offsets of tokens, with corrections of the `tokenizers` library's.

As of 0.23 the library has two errors. Its byte-level post-processors take a space that
was inserted after an added token for a space of the text, and cut a character off the
token. Its normalizers align characters that they compose, replace or strip with one of
the source characters only.
"""

import json
import unicodedata
from typing import Any

import numpy as np

# How byte-level vocabularies and SentencePiece's write a space.
_BYTE_SPACE = "\u0120"
_WRITTEN_SPACES = _BYTE_SPACE + "\u2581 "
# More characters than any that are composed or replaced as one.
_FARTHEST = 32


class OffsetReader:
    """Ids and offsets of texts from a `tokenizers.Tokenizer` and its definition.

    The tokenizer's post-processor is removed, since it would trim offsets itself.
    """

    def __init__(self, tokenizer: Any, definition: str):
        from tokenizers import processors

        content = json.loads(definition)
        self._tokenizer = tokenizer
        tokenizer.post_processor = processors.TemplateProcessing(single="$A")
        self._trims = _trims_offsets(content.get("post_processor"))
        self._normalizer = _normalizer_of_parts(content.get("normalizer"))
        added = tokenizer.get_added_tokens_decoder()
        self._added = {i: token.content for i, token in added.items()}

    def read(self, text: str) -> tuple[list[int], np.ndarray]:
        """The ids of a text, and their offsets, int32 `(length, 2)`."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
        if self._normalizer is not None and len(offsets):
            self._uncover_neighbours(text, encoding.ids, offsets)
            self._cover_gaps(text, encoding, offsets)
        if self._trims:
            for place, token in zip(offsets, encoding.tokens, strict=True):
                if _is_blank(token[:1]) or _is_blank(token[-1:]):
                    place[:] = self._trimmed(token, text, *place.tolist())
        return encoding.ids, offsets

    def _uncover_neighbours(
        self, text: str, ids: list[int], offsets: np.ndarray
    ) -> None:
        """Confine added tokens that took white space which normalization inserted.

        The library aligns such white space with the character beside it.
        """
        for token_id, place in zip(ids, offsets, strict=True):
            content = self._added.get(token_id)
            span = text[slice(*place)] if content else ""
            if content and span.strip() != content and content in span:
                place[0] += span.index(content)
                place[1] = place[0] + len(content)

    def _cover_gaps(self, text: str, encoding: Any, offsets: np.ndarray) -> None:
        """Assign uncovered characters to the tokens that they became part of.

        White space and control characters that were dropped remain uncovered.
        """
        ends = offsets[:, 1].copy()
        for i, token in enumerate(encoding.tokens):
            if not token.strip(_WRITTEN_SPACES) and text[slice(*offsets[i])].strip():
                ends[i] = offsets[i, 0]  # Inserted: the character is the next one.
        ends = np.append(0, np.maximum.accumulate(ends))
        starts = np.append(offsets[:, 0], len(text))
        for i in map(int, np.flatnonzero(starts > ends)):
            start, end = int(ends[i]), int(starts[i])
            if text[start:end].isspace():
                continue
            if i > 0 and not self._is_literal(
                encoding.ids[i - 1], text, offsets[i - 1]
            ):
                place = self._end_of_left(text, int(offsets[i - 1, 0]), start, end)
                offsets[:i, 1][offsets[:i, 1] == start] = place
                start = place
            if i < len(offsets) and not self._is_literal(
                encoding.ids[i], text, offsets[i]
            ):
                place = self._start_of_right(text, start, end)
                offsets[i:, 0][offsets[i:, 0] == end] = place
                # An inserted space has the same offsets as the token after it.
                inserted = (offsets[:i, 0] == place) & (offsets[:i, 1] > ends[i])
                offsets[:i, 1][inserted] = end + 1

    def _end_of_left(self, text: str, first: int, start: int, end: int) -> int:
        """The end of the characters that were normalized with those before a gap."""
        last = min(end, start + _FARTHEST)
        place = start
        while place < last and unicodedata.category(text[place]).startswith("M"):
            place += 1
        for split in range(place, last + 1):
            if self._is_apart(text[first:split], text[split : end + 1]):
                return split
        return place

    def _start_of_right(self, text: str, start: int, end: int) -> int:
        """The start of the characters that were normalized with that after a gap."""
        for split in range(end, max(start, end - _FARTHEST) - 1, -1):
            if self._is_apart(text[start:split], text[split : end + 1]):
                return split
        return end

    def _is_literal(self, token_id: int, text: str, place: np.ndarray) -> bool:
        """Return whether a token is an added one that matches the text exactly."""
        return self._added.get(token_id) == text[slice(*place)].strip()

    def _trimmed(self, token: str, text: str, start: int, end: int) -> tuple[int, int]:
        """A span without the white space at the token's start and end."""
        is_inserted = not any(self._is_space(" ", x) for x in text[start:end])
        if not token.strip(_BYTE_SPACE) and is_inserted:
            return start, start
        for character in token:
            if start >= end or not self._is_space(character, text[start]):
                break
            start += 1
        for character in reversed(token):
            if start >= end or not self._is_space(character, text[end - 1]):
                break
            end -= 1
        return start, end

    def _is_space(self, written: str, character: str) -> bool:
        """Return whether a character of a token represents this one as white space."""
        if written not in (" ", _BYTE_SPACE):
            return written.isspace() and written == character
        if character == " " or self._normalizer is None:
            return character == " "
        return self._normalizer.normalize_str(character) == " "

    def _is_apart(self, left: str, right: str) -> bool:
        """Return whether two strings side by side are normalized independently."""
        normalized = self._normalizer.normalize_str
        return normalized(left) + normalized(right) == normalized(left + right)


def _is_blank(character: str) -> bool:
    return character == _BYTE_SPACE or character.isspace()


def _trims_offsets(processor: dict[str, Any] | None) -> bool:
    """Return whether the offsets of tokens exclude spaces."""
    steps = (processor or {}).get("processors", [processor or {}])
    return any(step.get("trim_offsets", False) for step in steps)


def _normalizer_of_parts(normalizer: dict[str, Any] | None) -> Any:
    """The normalizer without steps that prepend a prefix, or None."""
    from tokenizers import Tokenizer

    if normalizer is None:
        return None
    steps = normalizer.get("normalizers", [normalizer])
    steps = [step for step in steps if step["type"] != "Prepend"]
    if not steps:
        return None
    model = {"type": "WordLevel", "vocab": {}, "unk_token": ""}
    content = {
        "version": "1.0",
        "model": model,
        "normalizer": {"type": "Sequence", "normalizers": steps},
    }
    return Tokenizer.from_str(json.dumps(content)).normalizer
