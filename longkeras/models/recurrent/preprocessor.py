"""Strings to the inputs of a recurrent language model."""

import keras

from longkeras.models.generation.causal_lm_preprocessor import (
    CheckedCausalLMPreprocessor,
)
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.text.byte_tokenizer import ByteTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentCausalLMPreprocessor(CheckedCausalLMPreprocessor):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `keras_hub.models.CausalLMPreprocessor` for arguments and results. A string
    longer than `sequence_length` is cut there, as everywhere in KerasHub: give a
    long text as its windows (`longkeras.text`), or set `sequence_length`.

    Args:
        tokenizer: `longkeras.models.ByteTokenizer`, or any with KerasHub's interface,
            such as `longkeras.text.SubwordTokenizer`.
        sequence_length: int. Tokens a row. Defaults to `1024`.
        add_start_token: bool. Defaults to `True`.
        add_end_token: bool. Defaults to `True`.
        **kwargs: See `keras_hub.models.CausalLMPreprocessor`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, RecurrentCausalLMPreprocessor

    preprocessor = RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=8)
    x, y, sample_weight = preprocessor(["Hi"])
    assert x["token_ids"].shape == (1, 8)
    ```
    """

    backbone_cls = RecurrentBackbone
    tokenizer_cls = ByteTokenizer
