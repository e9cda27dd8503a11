"""What the preprocessors of all causal language models share."""

import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.checked_presets import CheckedPresets
from longkeras.models.copies import UnsharedConfig
from longkeras.safe_files.atomic_preset import AtomicPreset


class CheckedCausalLMPreprocessor(
    AtomicPreset, UnsharedConfig, CheckedPresets, keras_hub.models.CausalLMPreprocessor
):
    """KerasHub's, with checks of its arguments and presets, saved whole."""

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
