"""`from_preset` for Hugging Face checkpoints, which KerasHub's has no room for."""

import os

from longkeras.models.base.checked_presets import (
    CheckedPresets,
    check_preset_name,
    named,
)

# Named, not imported: conversion stands on the models, and is there when it is called.
_LOADER = "longkeras.conversion.read.load_preset"


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
        model = named(_LOADER)(cls, preset, load_weights, **kwargs)
        if model is not None:
            return model
        if not load_weights:
            kwargs["load_weights"] = False
        return super().from_preset(preset, **kwargs)
