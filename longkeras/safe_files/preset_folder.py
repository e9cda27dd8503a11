"""The check of a preset folder."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.checksums import check_checksums
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

_SHARD_NAME = re.compile(r"model_\d+\.weights\.h5")
_checked_once: ContextVar[Path | None] = ContextVar("checked_once", default=None)


def check_preset_folder(path: str | os.PathLike[str]) -> list[str]:
    """Raises an error if a preset folder is damaged, or not safe to load.

    Makes nothing from it. Its configurations may name only classes that are
    registered with Keras or are Keras' own layers and their like; its weights may be
    only arrays that are stored in their file, unchanged where the folder says what
    they were. Of a folder that Hugging Face wrote only `config.json` is looked at:
    what converts it reads nothing but numbers and texts.

    Import what registers the classes first: `longkeras.models`, and your own.

    Args:
        path: str or path. The folder.

    Returns:
        list of str: the paths of the arrays among its weights; of a Hugging Face
        folder none.

    Raises:
        CheckpointError: If it is not so. The message names the folder and the file,
            array or class that is meant.

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
    """Checks a folder, and takes it for checked inside the block.

    Reading a large preset takes a while, and `from_preset` checks it too.

    Args:
        path: path. The folder.

    Yields:
        What `check_preset_folder` returns.

    Raises:
        CheckpointError: As `check_preset_folder` does.
    """
    arrays = check_preset_folder(path)
    token = _checked_once.set(path)
    try:
        yield arrays
    finally:
        _checked_once.reset(token)


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
        check_checksums(folder, _read(folder / METADATA_FILE))
    return arrays


def _read(file: Path) -> Any:
    _check_is_file(file)
    with open(file, "rb") as content:
        return read_configuration(content.read(MAX_JSON_BYTES + 1), file.name)


def _check_is_file(file: Path) -> None:
    # A pipe or a device would be read for ever.
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
