"""Tokenizers and preprocessors that replace their old files whole or not at all."""

import os

from longkeras.atomic_files import replaced_folder


class AtomicPreset:
    """What a tokenizer or preprocessor puts before its KerasHub base to save safely.

    KerasHub writes one file after another over the old ones: a full disk or a kill in
    between leaves a vocabulary that does not belong to the configuration beside it.
    """

    def save_to_preset(self, preset_dir: str | os.PathLike[str]) -> None:
        """Saves into a preset folder; see `keras_hub.models.Preprocessor`.

        What else is in the folder stays, a model's weights too. The folder is written
        beside its place first, and exchanged when it is complete.

        Args:
            preset_dir: str or path. The folder.
        """
        with replaced_folder(preset_dir, lambda new, place: True) as place:
            super().save_to_preset(str(place))  # type: ignore[misc]
