"""`from_preset` for Hugging Face checkpoints, which KerasHub's has no room for."""

import json
import os
from pathlib import Path

from longkeras.models.base.checked_presets import (
    HUB_PREFIX,
    CheckedPresets,
    check_preset_name,
    named,
)

# Named, not imported: conversion stands on the models, and is there when it is called.
_LOADER = "longkeras.conversion.huggingface_reading.load_preset_as"
_SHORT_LOADER = "longkeras.conversion.huggingface_reading.load_short_preset_as"
# KerasHub's classes of which a Longformer can be made.
_SHORT_ENCODERS = (
    "keras_hub>BertBackbone",
    "keras_hub>RobertaBackbone",
    "keras_hub>XLMRobertaBackbone",
    "longkeras>ExactBertBackbone",
)
_CONFIG_READER = "longkeras.conversion.model_folder.read_config"


class HuggingFacePresets(CheckedPresets):
    """Lets `from_preset` take Hugging Face checkpoints too.

    A mixin, to stand before the KerasHub class of a backbone, task, preprocessor or
    tokenizer.
    """

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Load from a preset folder, or from a Hugging Face checkpoint.

        Args:
            preset: str. A folder that `save_to_preset` wrote, a folder of a Hugging
                Face checkpoint, or `"hf://user/name"` for either on the Hub. What
                else KerasHub knows, such as `"kaggle://..."`, works too.
            load_weights: bool. Whether to load weights; without meaning for a
                preprocessor or tokenizer. Defaults to `True`.
            **kwargs: arguments of the class that win over the preset's. A
                `num_classes` makes a new head; of a Hugging Face checkpoint, only if
                its own head has another number. See
                `longkeras.conversion.from_huggingface`.

        Returns:
            An object of this class.

        Raises:
            CheckpointError: If there is no such folder, or a checkpoint cannot be
                read.
        """
        preset = os.fspath(preset)
        check_preset_name(preset)
        config = _config(preset)
        if "model_type" in config and "registered_name" not in config:
            return named(_LOADER)(cls, preset, load_weights, **kwargs)
        if config.get("registered_name") in _SHORT_ENCODERS:
            model = named(_SHORT_LOADER)(cls, preset, load_weights, **kwargs)
            if model is not None:
                return model
        if not load_weights:
            kwargs["load_weights"] = False
        return super().from_preset(preset, **kwargs)


def _config(preset):
    """The `config.json` of a folder or of a model of the Hub; `{}` of all others."""
    if preset.startswith(HUB_PREFIX):
        return named(_CONFIG_READER)(preset)
    return _local_config(Path(preset) / "config.json")


def _local_config(path):
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # KerasHub says what is wrong with it.
    return config if isinstance(config, dict) else {}
