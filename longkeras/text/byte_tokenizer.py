"""Bytes as tokens: one vocabulary for every language, and nothing unknown."""

import keras
from keras_hub import tokenizers

from longkeras.safe_files.atomic_preset import AtomicPreset


@keras.saving.register_keras_serializable(package="longkeras")
class ByteTokenizer(AtomicPreset, tokenizers.ByteTokenizer):
    """UTF-8 bytes as ids 3 to 258, behind pad (0), start (1) and end (2).

    By default nothing is lowercased or normalised, so that text comes back as it
    went in; bytes that are not UTF-8 come back as U+FFFD.

    Args:
        lowercase: bool. Whether to lowercase all the same. Defaults to `False`.
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
        [ByT5](https://arxiv.org/abs/2105.13626), whose ids these are but for the end.
    """

    def __init__(self, lowercase=False, **kwargs):
        super().__init__(lowercase=lowercase, **kwargs)
        if self.sequence_length is not None:
            # KerasHub pads with zeros, which are NUL bytes before they are shifted.
            raise ValueError(
                "`sequence_length` must be None: give it to a preprocessor, which pads "
                f"and packs. Received: sequence_length={self.sequence_length}"
            )
        # No weights to make: a model may be quantized before its first text.
        self.built = True
        self.pad_token_id = 0
        self.start_token_id = 1
        self.end_token_id = 2

    def vocabulary_size(self):
        """The number of ids: 256 bytes and 3 special ones."""
        return 259

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
        _refuse_surrogates(inputs)
        return _shifted(super().tokenize(inputs), 3)

    def detokenize(self, inputs):
        """Ids to strings; special ids are left out."""
        rows = keras.ops.convert_to_numpy(inputs) if _is_tensor(inputs) else inputs
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
        return bytes(i - 3 for i in ids if i >= 3).decode("utf-8", errors="replace")

    def save_assets(self, dir_path):
        """Nothing to save: the vocabulary is the 256 bytes."""

    def load_assets(self, dir_path):
        """Nothing to load: the vocabulary is the 256 bytes."""

    def id_to_token(self, id):
        """The token of an id."""
        names = {0: "<pad>", 1: "<s>", 2: "</s>"}
        return names[id] if id in names else super().id_to_token(id - 3)

    def token_to_id(self, token):
        """The id of a token."""
        names = {"<pad>": 0, "<s>": 1, "</s>": 2}
        return names[token] if token in names else super().token_to_id(token) + 3


def _refuse_surrogates(inputs):
    """Half a surrogate pair is no character, and has no bytes."""
    for text in inputs if isinstance(inputs, (list, tuple)) else [inputs]:
        if isinstance(text, str) and not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    "`inputs` must hold whole characters, and no half of a surrogate "
                    f"pair. Received: {text[error.start]!r} at {error.start}"
                ) from None


def _is_tensor(x):
    return keras.ops.is_tensor(x)


def _shifted(ids, offset):
    if isinstance(ids, list):
        return [_shifted(x, offset) for x in ids]
    return ids + offset
