"""Saving and copying of models where Keras loses files, compilation or quantization."""

import io
import os

import keras

from longkeras.atomic_files import replaced_file, replaced_folder
from longkeras.layers.parts import parts_of
from longkeras.safe_files.preset_folder import record_checksums
from longkeras.safe_files.preset_layout import is_current
from longkeras.safe_files.weights import saved_bytes


class AtomicSaving:
    """Saves to a temporary file or folder, which replaces the old one when complete.

    Keras overwrites the old file, so a full disk or a kill destroys both models.
    `keras.saving.save_model` and the like bypass this class: call the model's own
    methods, or `longkeras.save_model`. Mixin. Must precede a KerasHub backbone or task.
    """

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Save the model; see `keras.Model.save`.

        With `overwrite=False` Keras asks before it replaces a file, and then overwrites
        it in place. Open files and addresses are left to Keras too.
        """
        if not _is_replaced(filepath, overwrite):
            super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
            return
        with _replaced(filepath, zipped is False, saved_bytes(self)) as place:
            super().save(place, zipped=zipped, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Save the weights; see `keras.Model.save_weights`, and `save`.

        Of several shards, each is replaced whole, one after another.
        """
        if not _is_replaced(filepath, overwrite):
            super().save_weights(filepath, overwrite, max_shard_size)
            return
        with replaced_file(filepath, saved_bytes(self)) as place:
            super().save_weights(place, max_shard_size=max_shard_size)

    def save_to_preset(self, preset_dir, max_shard_size=10):
        """Save the model as a preset folder; see `keras_hub.models.Task`.

        Other files in the folder are kept. The weights' checksums are written to its
        `metadata.json`; `longkeras.load_model` compares them.
        """
        with replaced_folder(preset_dir, is_current, saved_bytes(self)) as place:
            super().save_to_preset(str(place), max_shard_size=max_shard_size)
            record_checksums(place)


def _is_replaced(filepath, overwrite):
    if isinstance(filepath, io.IOBase) or "://" in str(filepath):
        return False
    return overwrite or not os.path.exists(filepath)


def _replaced(filepath, is_folder, needed_bytes):
    if is_folder:
        return replaced_folder(filepath, lambda new, place: True, needed_bytes)
    return replaced_file(filepath, needed_bytes)


# Key in the configuration of the optimizer, which Keras ignores.
_OF_TASK = "longkeras"


class UnsharedConfig:
    """Leaves the dictionary that `from_config` is given unchanged.

    KerasHub puts the objects that it makes into it, so that a second object made from
    it would share them. Mixin. Must precede the KerasHub class in the bases.
    """

    @classmethod
    def from_config(cls, config):
        """Create an object from the result of `get_config`."""
        return super().from_config(_with_own_containers(config))


class Copies(UnsharedConfig):
    """Restores the compilation of a model and the variables of its optimizer.

    Keras does so only for models without a `compile` of their own. What Keras'
    `compile` does not take is kept in the optimizer's configuration, because
    `keras.models.clone_model` (as of Keras 3.15) makes a plain `keras.Model` of every
    subclass and compiles it from the configuration of the task. A `.keras` file holds
    the state of the optimizer, a preset does not. Mixin. Must precede a KerasHub
    backbone or task in the bases.
    """

    def get_compile_config(self):
        """Return the arguments of `compile`; empty for a model that is not compiled."""
        config = super().get_compile_config()
        if not config or self.optimizer is None:
            return config
        kept = {"optimizer_built": bool(self.optimizer.built)}
        if getattr(self, "sampler", None) is not None:
            kept["sampler"] = keras.saving.serialize_keras_object(self.sampler)
        optimizer = keras.saving.serialize_keras_object(self.optimizer)
        return {**config, "optimizer": {**optimizer, _OF_TASK: kept}}

    def compile_from_config(self, config):
        """Compile with the result of `get_compile_config`."""
        optimizer = config.get("optimizer")
        kept = optimizer.get(_OF_TASK, {}) if isinstance(optimizer, dict) else {}
        # Files of earlier versions hold these outside of the optimizer.
        given = keras.saving.deserialize_keras_object({**config, **kept})
        # An optimizer that was not built has no saved variables.
        optimizer_built = given.pop("optimizer_built", False)
        self.compile(**given)
        if optimizer_built:
            self.optimizer.build(self.trainable_variables)


def _with_own_containers(value):
    """Copy nested dictionaries and lists, with the same values."""
    if type(value) is dict:
        return {name: _with_own_containers(item) for name, item in value.items()}
    if type(value) is list:
        return [_with_own_containers(item) for item in value]
    return value


class QuantizedHead:
    """Saves the head of a task: its weights alone, and which layers are quantized.

    KerasHub restores quantization for the backbone only, so the weights of a quantized
    head would not fit. Mixin. Must precede a `keras_hub.models.Task` in the bases.
    """

    def get_config(self):
        config = super().get_config()
        of_backbone = {id(part) for part in parts_of(self.backbone)}
        modes = {
            part.path: part.quantization_mode
            for part in parts_of(self)
            if part.quantization_mode and id(part) not in of_backbone
        }
        return {**config, "quantized_head": modes} if modes else config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        modes = config.pop("quantized_head", {})
        task = super().from_config(config)
        for part in list(parts_of(task)):
            if part.path in modes and not part.quantization_mode:
                part.quantize(modes[part.path])
        return task

    def save_task_weights(self, filepath):
        """Save the weights of the head alone; see `keras_hub.models.Task`.

        KerasHub also saves the state of the optimizer, which fits no task that is made
        from the preset.

        Args:
            filepath: str or path, which ends in `.weights.h5`.

        Raises:
            ValueError: If the task has no weights beside those of its backbone.
        """
        if not self.has_task_weights():
            raise ValueError(
                "`save_task_weights` saves the weights beside those of the backbone. "
                f"Received: {self.name}, which has none"
            )
        others = _beside_the_head(self)
        keras.saving.save_weights(self, filepath, objects_to_skip=others)

    def load_task_weights(self, filepath):
        """Load the weights of the head alone; see `keras_hub.models.Task`."""
        others = _beside_the_head(self)
        keras.saving.load_weights(self, filepath, objects_to_skip=others)


def _beside_the_head(task):
    return [task.backbone, *parts_of(task.backbone), task.optimizer]
