"""Base of the preprocessors of all causal language models."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.base.copies import UnsharedConfig
from longkeras.models.base.index_checks import check_made_targets
from longkeras.models.base.presets import CheckedPresets
from longkeras.models.base.tensor_pipeline import token_weights
from longkeras.safe_files.atomic_preset import AtomicPreset
from longkeras.text.byte_tokenizer import ByteTokenizer


class CheckedCausalLMPreprocessor(
    AtomicPreset, UnsharedConfig, CheckedPresets, keras_hub.models.CausalLMPreprocessor
):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `keras_hub.models.CausalLMPreprocessor` for arguments and results, and
    `longkeras.models.TransformerCausalLMPreprocessor`.
    """

    tokenizer_cls = ByteTokenizer

    def __init__(
        self,
        tokenizer,
        sequence_length=1024,
        add_start_token=True,
        add_end_token=True,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("sequence_length",))
        super().__init__(
            tokenizer, sequence_length, add_start_token, add_end_token, **kwargs
        )

    def call(self, x, y=None, sample_weight=None, sequence_length=None):
        # KerasHub drops both.
        check_made_targets(y)
        x, y, weights = super().call(x, sequence_length=sequence_length)
        if sample_weight is not None:
            weights = token_weights(weights, sample_weight)
        return keras.utils.pack_x_y_sample_weight(x, y, weights)
