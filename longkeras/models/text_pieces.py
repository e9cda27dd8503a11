"""Text that can be shown, as its tokens come one by one."""

import codecs

import numpy as np

from longkeras.text.byte_tokenizer import ByteTokenizer
from longkeras.text.byte_vocabulary import BYTE_OFFSET

# Of the prompt's end so much is spelt out again, so that a first space is not lost.
_NUM_BEFORE = 8
# What a decoder puts in place of a character of which a part is missing.
_INCOMPLETE = "\ufffd"


def text_pieces(tokenizer, prompt_ids):
    """What turns the tokens after a prompt into text.

    Args:
        tokenizer: `longkeras.models.ByteTokenizer`, or another with the interface of
            `keras_hub.tokenizers.Tokenizer`.
        prompt_ids: list of int. What was read before.

    Returns:
        Object with `add(token_id)`, the text that this token completes, and `end()`,
        what was not complete.
    """
    if isinstance(tokenizer, ByteTokenizer):
        return _BytePieces()
    return _TokenPieces(tokenizer, prompt_ids)


class _BytePieces:
    """A token is a byte; special ones are nothing."""

    def __init__(self):
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token_id):
        is_byte = token_id >= BYTE_OFFSET
        return self._decoder.decode(bytes([token_id - BYTE_OFFSET] * is_byte))

    def end(self):
        return self._decoder.decode(b"", final=True)


class _TokenPieces:
    """A token is what it adds to the text of those before it.

    Only the tokens since the last piece, and some before them, are spelt out: what a
    token is may depend on its neighbours, not on the whole text.
    """

    def __init__(self, tokenizer, prompt_ids):
        self._tokenizer = tokenizer
        self._ids = list(prompt_ids[-_NUM_BEFORE:])
        self._num_told = len(self._ids)

    def add(self, token_id):
        self._ids.append(token_id)
        piece = self._new_text()
        if not piece or piece.endswith(_INCOMPLETE):
            return ""
        self._ids = self._ids[-_NUM_BEFORE - 1 :]
        self._num_told = len(self._ids)
        return piece

    def end(self):
        return self._new_text()

    def _new_text(self):
        told = self._spelt(self._ids[: self._num_told])
        return self._spelt(self._ids)[len(told) :]

    def _spelt(self, ids):
        if not ids:
            return ""
        text = np.asarray(self._tokenizer.detokenize(ids)).item()
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
