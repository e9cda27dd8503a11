"""The check of a preset folder, and the checksums of its weights."""

import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.configuration import (
    MAX_JSON_BYTES,
    check_classes,
    check_sizes,
    read_configuration,
)
from longkeras.safe_files.preset_layout import (
    ASSETS_FOLDER,
    CONFIG_FILE,
    METADATA_FILE,
    SHARD_MAP_FILE,
    object_files,
    weight_files,
)
from longkeras.safe_files.weights import check_weights

# A key of `metadata.json`. KerasHub ignores it, and writes the file anew with the
# weights, so that the checksums disappear when another program replaces the weights.
_CHECKSUMS = "weights_crc32"
_CHUNK = 2**20
_SHARD_NAME = re.compile(r"model_\d+\.weights\.h5")
_checked_once: ContextVar[Path | None] = ContextVar("checked_once", default=None)


def check_preset_folder(path: str | os.PathLike[str]) -> list[str]:
    """Raises an error if a preset folder is damaged, or not safe to load.

    Creates no object from it. Its configurations may name only classes that are
    registered with Keras, or Keras' own layers, losses and the like; its weights must
    be arrays that are stored in their file, and match the folder's checksums if it has
    any. Of a Hugging Face folder only `config.json` is checked, since its conversion
    reads only numbers and strings.

    Import the modules that register the classes first: `longkeras.models`, and your
    own.

    Args:
        path: str or path. The folder.

    Returns:
        list of str: the paths of the arrays in its weights; empty for a Hugging Face
        folder.

    Raises:
        CheckpointError: If a check fails. The message names the folder and the file,
            array or class.

    Example:

    ```python
    from longkeras.models import RecurrentBackbone
    from longkeras.safe_files import check_preset_folder

    backbone = RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8)
    backbone.save_to_preset("preset")
    check_preset_folder("preset")
    ```
    """
    path = Path(path)
    if path == _checked_once.get():
        return []
    try:
        return _check(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error} Received: path={path}") from error
    except OSError as error:
        raise CheckpointError(
            f"The preset cannot be read: {error}. Received: path={path}"
        ) from error


@contextmanager
def checked_once(path: Path) -> Iterator[list[str]]:
    """Check a folder once: inside the block, `check_preset_folder` skips it.

    Reading a large preset takes a while, and `from_preset` checks it too.
    """
    arrays = check_preset_folder(path)
    token = _checked_once.set(path)
    try:
        yield arrays
    finally:
        _checked_once.reset(token)


def record_checksums(folder: Path) -> None:
    """Write the checksums of a folder's weights into its `metadata.json`.

    HDF5 has none of its own: a flipped bit would be a wrong number that nobody sees.
    """
    path = folder / METADATA_FILE
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata[_CHECKSUMS] = {file.name: _crc32(file) for file in weight_files(folder)}
    path.write_text(json.dumps(metadata, indent=4), encoding="utf-8")


def _check(folder: Path) -> list[str]:
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError("The folder holds no config.json, so it is not a preset.")
    config = _read(folder / CONFIG_FILE)
    if not isinstance(config, dict):
        raise CheckpointError("config.json must hold an object.")
    if "registered_name" not in config:
        check_classes(config, CONFIG_FILE)
        return []
    weights = weight_files(folder)
    arrays = []
    for file in weights:
        _check_is_file(file)
        arrays += check_weights(file, file.name)
    weight_bytes = sum(file.stat().st_size for file in weights)
    for file in object_files(folder):
        value = _read(file)
        check_classes(value, file.name)
        if weights:
            check_sizes(value, weight_bytes, file.name)
    _check_shard_map(folder)
    for file in (folder / ASSETS_FOLDER).rglob("*"):
        if not file.is_dir():
            _check_is_file(file)
    if (folder / METADATA_FILE).exists():
        _check_checksums(folder, _read(folder / METADATA_FILE))
    return arrays


def _read(file: Path) -> Any:
    _check_is_file(file)
    with open(file, "rb") as content:
        return read_configuration(content.read(MAX_JSON_BYTES + 1), file.name)


def _check_is_file(file: Path) -> None:
    # A pipe or a device would be read forever.
    if not file.is_file():
        raise CheckpointError(f"{file.name} is missing, or no ordinary file.")


def _check_shard_map(folder: Path) -> None:
    if not (folder / SHARD_MAP_FILE).exists():
        return
    shard_map = _read(folder / SHARD_MAP_FILE)
    places = shard_map.get("weight_map") if isinstance(shard_map, dict) else None
    if not isinstance(places, dict):
        raise CheckpointError(f"{SHARD_MAP_FILE} names no shards.")
    for names in places.values():
        for name in names if isinstance(names, list) else [names]:
            if not (isinstance(name, str) and _SHARD_NAME.fullmatch(name)):
                raise CheckpointError(
                    f"{SHARD_MAP_FILE} names a file that is no shard: {name!r}."
                )
            _check_is_file(folder / name)


def _check_checksums(folder: Path, metadata: Any) -> None:
    """Refuse weights whose checksums differ from those in `metadata.json`."""
    checksums = metadata.get(_CHECKSUMS) if isinstance(metadata, dict) else None
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
