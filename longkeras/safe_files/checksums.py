"""Checksums of a preset's weights, in its `metadata.json`.

HDF5 has none of its own: a bit that flipped would be a wrong number that nobody sees.
KerasHub reads nothing from `metadata.json`, and writes it anew with the weights, so
that the checksums go when somebody else replaces the weights.
"""

import json
import zlib
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.preset_layout import METADATA_FILE, weight_files

_KEY = "weights_crc32"
_CHUNK = 2**20


def record_checksums(folder: Path) -> None:
    """Writes the checksums of a folder's weights into its `metadata.json`."""
    path = folder / METADATA_FILE
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata[_KEY] = {file.name: _crc32(file) for file in weight_files(folder)}
    path.write_text(json.dumps(metadata, indent=4), encoding="utf-8")


def check_checksums(folder: Path, metadata: Any) -> None:
    """Raises an error if weights are not what `metadata.json` says of them.

    Args:
        folder: path. The preset.
        metadata: The value of its `metadata.json`; of another kind or without
            checksums it says nothing.

    Raises:
        CheckpointError: If a file has changed since it was saved, or is missing.
    """
    checksums = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(checksums, dict):
        return
    files = {file.name: file for file in weight_files(folder)}
    for name, checksum in checksums.items():
        if name not in files:
            raise CheckpointError(f"{name} is missing.")
        if _crc32(files[name]) != checksum:
            raise CheckpointError(
                f"{name} is damaged, or another file than the one that was saved: its "
                f"checksum is not the one in {METADATA_FILE}."
            )


def _crc32(file: Path) -> str:
    checksum = 0
    with open(file, "rb") as content:
        while chunk := content.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return f"{checksum:08x}"
