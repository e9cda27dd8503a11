"""Bytes as tokens: one vocabulary for all languages, without unknown tokens."""

import keras
from keras_hub import tokenizers

from longkeras.atomic_files import AtomicPreset
from longkeras.text.byte_vocabulary import (
    BYTE_OFFSET,
    END_TOKEN_ID,
    PAD_TOKEN_ID,
    START_TOKEN_ID,
    VOCABULARY_SIZE,
    utf8_bytes,
)

_SPECIAL_TOKENS = {"<pad>": PAD_TOKEN_ID, "<s>": START_TOKEN_ID, "</s>": END_TOKEN_ID}


@keras.saving.register_keras_serializable(package="longkeras")
class ByteTokenizer(AtomicPreset, tokenizers.ByteTokenizer):
    """UTF-8 bytes as ids 3 to 258, after pad (0), start (1) and end (2).

    By default nothing is lowercased or normalized, so that detokenizing restores the
    text. Bytes that are not UTF-8 become U+FFFD.

    Args:
        lowercase: bool. Whether to lowercase the text. Defaults to `False`.
        **kwargs: See `keras_hub.tokenizers.ByteTokenizer`.

    Call arguments:
        inputs: a string, a list of strings, or a tensor of strings.

    Returns:
        The ids: `(length,)` for one string, a ragged batch for several.

    Raises:
        ValueError: If `sequence_length` is given, or text holds a lone surrogate.

    Example:

    ```python
    from longkeras.text import ByteTokenizer

    tokenizer = ByteTokenizer()
    assert [int(i) for i in tokenizer("Hi")] == [75, 108]
    assert tokenizer.detokenize([75, 108]) == "Hi"
    ```

    Reference:
        [ByT5](https://arxiv.org/abs/2105.13626), which has the same ids for bytes and
        padding; its ids 1 and 2 are the end and the unknown token.
    """

    def __init__(self, lowercase=False, **kwargs):
        super().__init__(lowercase=lowercase, **kwargs)
        if self.sequence_length is not None:
            # KerasHub pads with zeros, which are NUL bytes before they are shifted.
            raise ValueError(
                "`sequence_length` must be None: give it to a preprocessor, which pads "
                f"and packs. Received: sequence_length={self.sequence_length}"
            )
        # There are no weights to build; a model may be quantized before its first text.
        self.built = True
        self.pad_token_id = PAD_TOKEN_ID
        self.start_token_id = START_TOKEN_ID
        self.end_token_id = END_TOKEN_ID

    def vocabulary_size(self):
        """The number of ids: 256 bytes and 3 special ones."""
        return VOCABULARY_SIZE

    @property
    def special_token_ids(self):
        """The ids of pad, start and end."""
        return [self.pad_token_id, self.start_token_id, self.end_token_id]

    def get_vocabulary(self):
        """Every token with its id; bytes are written as `chr(byte)`."""
        return {self.id_to_token(i): i for i in range(self.vocabulary_size())}

    def load_preset_assets(self, preset):
        """Nothing: a vocabulary of bytes has no files."""

    def tokenize(self, inputs):
        """Strings to ids."""
        for text in inputs if isinstance(inputs, (list, tuple)) else [inputs]:
            if isinstance(text, str) and not text.isascii():
                utf8_bytes(text, "`inputs`")
        return _shifted(super().tokenize(inputs), BYTE_OFFSET)

    def detokenize(self, inputs):
        """Ids to strings; special ids are left out."""
        rows = inputs
        if keras.ops.is_tensor(inputs):
            rows = keras.ops.convert_to_numpy(inputs)
        for name in ("tolist", "to_list"):  # arrays; ragged tensors of TensorFlow
            rows = getattr(rows, name)() if hasattr(rows, name) else rows
        single = not rows or not isinstance(rows[0], (list, tuple))
        texts = [self._decoded(row) for row in ([rows] if single else rows)]
        return texts[0] if single else texts

    def _decoded(self, ids):
        if any(i < 0 or i >= self.vocabulary_size() for i in ids):
            raise ValueError(
                "`inputs` must be ids from 0 to 258. Received: "
                f"ids from {min(ids)} to {max(ids)}"
            )
        content = bytes(i - BYTE_OFFSET for i in ids if i >= BYTE_OFFSET)
        return content.decode("utf-8", errors="replace")

    def save_assets(self, dir_path):
        """Nothing to save: the vocabulary is the 256 bytes."""

    def load_assets(self, dir_path):
        """Nothing to load: the vocabulary is the 256 bytes."""

    def id_to_token(self, id):
        """The token of an id."""
        names = {token_id: token for token, token_id in _SPECIAL_TOKENS.items()}
        return names[id] if id in names else super().id_to_token(id - BYTE_OFFSET)

    def token_to_id(self, token):
        """The id of a token."""
        if token in _SPECIAL_TOKENS:
            return _SPECIAL_TOKENS[token]
        return super().token_to_id(token) + BYTE_OFFSET


def _shifted(ids, offset):
    if isinstance(ids, list):
        return [_shifted(x, offset) for x in ids]
    return ids + offset
