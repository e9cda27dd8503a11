"""`from_preset` for checked folders, quantized weights and Hugging Face checkpoints."""

import json
import os
from pathlib import Path
from pkgutil import resolve_name

import keras
import keras_hub

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files import check_preset_folder
from longkeras.safe_files.preset_layout import HUB_PREFIX, check_checkpoint_folder

# Named, not imported: conversion imports the models.
_HUB_FOLDER = "longkeras.conversion.checkpoint_folder.preset_folder"
_LOADER = "longkeras.conversion.read.load_preset"


class CheckedPresets:
    """Checks a preset folder before loading it, and keeps quantized weights quantized.

    Mixin. Must precede the KerasHub class of a backbone, task, preprocessor or
    tokenizer.
    """

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Load from a preset; see `keras_hub.models.Task.from_preset`.

        Folders, local ones or `"hf://user/name"`, are checked by
        `longkeras.safe_files.check_preset_folder`, which raises a `CheckpointError` if
        one is missing, damaged, or not safe to load. Other presets of KerasHub's are
        not checked.
        """
        preset = os.fspath(preset)
        check_preset_name(preset)
        is_model = issubclass(cls, keras.Model)
        if preset.startswith(HUB_PREFIX):
            with_weights = is_model and kwargs.get("load_weights", True)
            preset = str(resolve_name(_HUB_FOLDER)(preset, with_weights))
        folder = Path(preset)
        if not folder.is_dir():
            return super().from_preset(preset, **kwargs)
        check_preset_folder(folder)
        if "dtype" not in kwargs and is_model:
            kwargs.update(_policy(folder))
        try:
            return super().from_preset(preset, **kwargs)
        except (AttributeError, KeyError, OSError, TypeError) as error:
            raise CheckpointError(
                f"The preset does not fit {cls.__name__}: {error}. "
                f"Received: preset={preset}"
            ) from error


class HuggingFacePresets(CheckedPresets):
    """Loads Hugging Face checkpoints too.

    A family without a format on Hugging Face says so in `unsupported`. Mixin. Must
    precede the KerasHub class of a backbone, task, preprocessor or tokenizer.
    """

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Load from a preset folder, or from a Hugging Face checkpoint.

        Args:
            preset: str. A folder that `save_to_preset` wrote, a folder of a Hugging
                Face checkpoint, or `"hf://user/name"` for either on the Hub. Other
                presets of KerasHub's, such as `"kaggle://..."`, work too.
            load_weights: bool. Whether to load weights; has no effect on a
                preprocessor or tokenizer. Defaults to `True`.
            **kwargs: Arguments of the class that replace the preset's. `num_classes`
                creates a new head; with a Hugging Face checkpoint, only if its own head
                has another number. See `longkeras.conversion.from_huggingface`.

        Returns:
            An object of this class.

        Raises:
            CheckpointError: If there is no such folder, or a checkpoint cannot be
                read.
            ValueError: If the family has no Hugging Face format, or a keyword argument
                does not fit the checkpoint.
        """
        preset = os.fspath(preset)
        check_preset_name(preset)
        model = resolve_name(_LOADER)(cls, preset, load_weights, **kwargs)
        if model is not None:
            return model
        if not load_weights:
            kwargs["load_weights"] = False
        return super().from_preset(preset, **kwargs)


def check_preset_name(preset, argument="preset"):
    """Raise a `CheckpointError` for a path without a model.

    KerasHub would take it for the name of a preset. Addresses such as `hf://...` and
    the names of KerasHub's presets pass. `argument` names the caller's argument.
    """
    if "://" not in preset and preset not in keras_hub.models.Backbone.presets:
        check_checkpoint_folder(preset, argument)


def _policy(folder):
    """Return, as keyword arguments, the dtype policy that KerasHub does not restore.

    It drops the policies by layer of a quantized preset, and fails over mixed
    precision. Other precisions are replaced by Keras' default.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    policy = config.get("config", {}).get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") == "DTypePolicyMap":
        return {"dtype": keras.dtype_policies.deserialize(policy)}
    if isinstance(policy, dict):
        name = policy.get("config", {}).get("name")
        if isinstance(name, str) and name.startswith("mixed_"):
            return {"dtype": keras.config.dtype_policy()}
    return {}
