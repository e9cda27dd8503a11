"""Conversion of tokens to displayable text, as they come one by one."""

import codecs

import numpy as np

from longkeras.text.byte_tokenizer import ByteTokenizer
from longkeras.text.byte_vocabulary import BYTE_OFFSET

# Tokens before a piece that are decoded with it, so that a leading space is kept.
_NUM_BEFORE = 8
# Replaces a character of which some bytes are missing.
_INCOMPLETE = "\ufffd"


def text_pieces(tokenizer, prompt_ids):
    """Return an object that turns the tokens after a prompt into text.

    Its `add(token_id)` returns the text that this token completes, and `end()` what was
    not complete.
    """
    if isinstance(tokenizer, ByteTokenizer):
        return _BytePieces()
    return _TokenPieces(tokenizer, prompt_ids)


def text_until(pieces, end, stops):
    """Yield text up to the first stop string, which is not part of it.

    Args:
        pieces: iterable of str.
        end: callable that returns what is left when `pieces` are over.
        stops: list of str.
    """
    held = ""
    for piece in pieces:
        held += piece
        place = min((i for i in map(held.find, stops) if i >= 0), default=None)
        if place is not None:
            if held[:place]:
                yield held[:place]
            return
        keep = _possible_stop_length(held, stops)
        piece, held = held[: len(held) - keep], held[len(held) - keep :]
        if piece:
            yield piece
    held += end()
    if held:
        yield held


def decoded(tokenizer, token_ids):
    """Decode a list of ids to a str."""
    if not token_ids:
        return ""
    text = np.asarray(tokenizer.detokenize(token_ids)).item()
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _possible_stop_length(text, stops):
    """Return the length of the longest end of `text` that begins a stop string."""
    longest = 0
    for stop in stops:
        for length in range(1, len(stop)):
            if text.endswith(stop[:length]):
                longest = max(longest, length)
    return longest


class _BytePieces:
    """Decodes tokens that are bytes; special tokens have no text."""

    def __init__(self):
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token_id):
        is_byte = token_id >= BYTE_OFFSET
        return self._decoder.decode(bytes([token_id - BYTE_OFFSET] * is_byte))

    def end(self):
        return self._decoder.decode(b"", final=True)


class _TokenPieces:
    """Takes what a token adds to the decoded text of those before it.

    Only the tokens since the last piece, and a few before them, are decoded: the text
    of a token may depend on its neighbours, not on the whole text.
    """

    def __init__(self, tokenizer, prompt_ids):
        self._tokenizer = tokenizer
        self._ids = list(prompt_ids[-_NUM_BEFORE:])
        self._num_decoded = len(self._ids)

    def add(self, token_id):
        self._ids.append(token_id)
        piece = self._new_text()
        if not piece or piece.endswith(_INCOMPLETE):
            return ""
        self._ids = self._ids[-_NUM_BEFORE - 1 :]
        self._num_decoded = len(self._ids)
        return piece

    def end(self):
        return self._new_text()

    def _new_text(self):
        before = decoded(self._tokenizer, self._ids[: self._num_decoded])
        return decoded(self._tokenizer, self._ids)[len(before) :]
