"""Strings to the inputs of a causal Transformer."""

import keras
import keras_hub

from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.checked_presets import CheckedPresets
from longkeras.safe_files.atomic_preset import AtomicPreset
from longkeras.text.byte_tokenizer import ByteTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class TransformerCausalLMPreprocessor(
    AtomicPreset, CheckedPresets, keras_hub.models.CausalLMPreprocessor
):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `keras_hub.models.CausalLMPreprocessor` for arguments and results. A string
    longer than `sequence_length` is cut there, as everywhere in KerasHub: give a
    long text as its windows (`longkeras.text`), or set `sequence_length`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, TransformerCausalLMPreprocessor

    preprocessor = TransformerCausalLMPreprocessor(ByteTokenizer(), sequence_length=8)
    x, y, sample_weight = preprocessor(["Hi"])
    assert x["token_ids"].shape == (1, 8)
    ```
    """

    backbone_cls = CausalTransformerBackbone
    tokenizer_cls = ByteTokenizer
