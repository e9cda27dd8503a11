"""Checks of saved models before anything is made from them."""

from longkeras.safe_files.keras_file import check_keras_file
from longkeras.safe_files.preset_folder import check_preset_folder

__all__ = ["check_keras_file", "check_preset_folder"]
