"""Conversion of texts to the inputs of a text classifier."""

import keras
import keras_hub
import numpy as np

from longkeras.models.text_tasks.text_preprocessor import TextPreprocessor


class TextClassifierPreprocessor(
    TextPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Tokenizes texts or pairs of texts, adds special tokens, and pads.

    A family sets what `TextPreprocessor` names. For arguments see
    `longkeras.models.LongformerTextClassifierPreprocessor`.
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

    def get_config(self):
        return {**super().get_config(), "max_sequence_length": self.max_sequence_length}
