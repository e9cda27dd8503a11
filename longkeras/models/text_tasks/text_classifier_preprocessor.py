"""Strings to the inputs of a Longformer that classifies texts."""

import keras
import keras_hub
import numpy as np

from longkeras.models.longformer.preprocessor import LongformerPreprocessor


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTextClassifierPreprocessor(
    LongformerPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Tokenizes texts or pairs of texts, adds special tokens, and pads.

    The first token is global. What does not fit is cut, with a warning; `report`
    counts it, and `windows` reads a text of any length in parts.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`: the
            longest of the batch, rounded up to a multiple of 64.
        truncate: str. How a pair is cut: `"round_robin"` cuts the longer text first,
            `"waterfall"` the second. Defaults to `"round_robin"`.
        max_sequence_length: int. Where texts are cut if `sequence_length` is None, the
            length of the model's position table. Defaults to `4096`.
        **kwargs: See `keras_hub.models.TextClassifierPreprocessor`.

    Call arguments:
        x: a string, a list or tensor of strings, or pairs: a dict of `first` and
            `second`, a list of pairs, or with `y` given a tuple of both. Or ids with
            their special tokens: a dict of `token_ids` and, if wanted, `padding_mask`,
            `global_attention_mask` (it wins over the rule) and `segment_ids`.
        y: labels, passed on. Defaults to `None`.
        sample_weight: passed on. Defaults to `None`.

    Returns:
        A dict of int32 `token_ids`, `padding_mask`, `global_attention_mask` and
        `segment_ids`, `(batch, sequence)` or for one text `(sequence,)`; with labels a
        tuple.

    Raises:
        ValueError: If `sequence_length` or `truncate` cannot be.

    Example:

    ```python
    from longkeras.models import LongformerTextClassifierPreprocessor
    from longkeras.models import LongformerTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "long", "##er", "text"]
    preprocessor = LongformerTextClassifierPreprocessor(
        LongformerTokenizer.from_word_piece(vocabulary), sequence_length=6
    )
    x, y = preprocessor(["Longer text", "text"], [1, 0])
    assert x["token_ids"].tolist() == [[2, 5, 6, 7, 3, 0], [2, 7, 3, 0, 0, 0]]
    assert x["global_attention_mask"][0].tolist() == [1, 0, 0, 0, 0, 0]
    ```
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=None,
        truncate="round_robin",
        max_sequence_length=4096,
        **kwargs,
    ):
        super().__init__(tokenizer, **kwargs)
        self.set_lengths(sequence_length, max_sequence_length, truncate)

    def call(self, x, y=None, sample_weight=None):
        inputs = self.mapped(
            lambda x: self.inputs_of(self.rows(x), x), x, self.input_specs(), x
        )
        # Labels may be a list; what is a tensor already stays one.
        y, sample_weight = (
            np.asarray(value) if isinstance(value, list) else value
            for value in (y, sample_weight)
        )
        return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)

    def global_tokens(self, token_ids):
        """The first token; see `LongformerPreprocessor`."""
        return (np.arange(len(token_ids)) == 0).astype(np.int32)

    def get_config(self):
        return {**super().get_config(), "max_sequence_length": self.max_sequence_length}
