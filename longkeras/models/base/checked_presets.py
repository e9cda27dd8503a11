"""`from_preset` that looks at a folder before anything is made of it."""

import importlib
import json
import os
from pathlib import Path

import keras
import keras_hub

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files import check_preset_folder
from longkeras.safe_files.checkpoint_folder import check_checkpoint_folder

HUB_PREFIX = "hf://"
# Named, not imported: conversion stands on the models, and is there when it is called.
_HUB_FOLDER = "longkeras.conversion.model_folder.preset_folder"


class CheckedPresets:
    """Checks a preset folder, and brings eight-bit weights back as such.

    A mixin, to stand before the KerasHub class of a backbone, task, preprocessor or
    tokenizer.
    """

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Load from a preset; see `keras_hub.models.Task.from_preset`.

        Args:
            preset: str or path. A folder, or `"hf://user/name"` for one on the
                Hugging Face Hub: both are checked as
                `longkeras.safe_files.check_preset_folder` says. Or what else KerasHub
                knows, which is not.
            **kwargs: See `keras_hub.models.Task.from_preset`.

        Returns:
            An object of this class.

        Raises:
            CheckpointError: If a folder is missing, damaged, or not safe to load.
        """
        preset = os.fspath(preset)
        check_preset_name(preset)
        is_model = issubclass(cls, keras.Model)
        if preset.startswith(HUB_PREFIX):
            with_weights = is_model and kwargs.get("load_weights", True)
            preset = str(named(_HUB_FOLDER)(preset, with_weights))
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


def check_preset_name(preset, argument="preset"):
    """Refuse a path that leads to no model, which KerasHub would take for a name.

    Args:
        preset: str. A folder, the address of a server (`hf://...`, `kaggle://...`), or
            the name of one of KerasHub's presets.
        argument: str. The name by which it was given. Defaults to `"preset"`.

    Raises:
        CheckpointError: If it is none of them, or the folder holds no `config.json`.
    """
    if "://" not in preset and preset not in keras_hub.models.Backbone.presets:
        check_checkpoint_folder(preset, argument)


def named(dotted_name):
    """What stands under a name such as `package.module.function`.

    Args:
        dotted_name: str.

    Returns:
        A function or class.
    """
    module, _, name = dotted_name.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _policy(folder):
    """What KerasHub makes nothing of: policies by layer, and mixed precision.

    The former, of a quantized preset, it drops. Over the latter it fails, where of any
    other precision it takes Keras' own.
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
