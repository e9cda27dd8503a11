"""Saving methods of models that replace the old file whole or not at all."""

import io
import os

from longkeras.atomic_files import replaced_file, replaced_folder
from longkeras.safe_files.checksums import record_checksums
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
