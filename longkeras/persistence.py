"""Saving and loading models: checked first, registered, written in one step.

Two forms: a `.keras` file (one model, with its optimizer) and a preset folder (what
KerasHub's `from_preset` reads: configuration, weights and tokenizer apart).
"""

import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError

_KERAS_FILE_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
# What `save_to_preset` writes. Anything else in a folder is somebody's, and stays.
_PRESET_FILES = (
    "assets",
    "config.json",
    "metadata.json",
    "model.weights.h5",
    "model.weights.json",
    "preprocessor.json",
    "task.json",
    "task.weights.h5",
    "tokenizer.json",
)
# What Keras, KerasHub and h5py raise for files that are not what they should be.
_LOADING_ERRORS = (
    AttributeError,
    ImportError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load_model(path: str | os.PathLike[str], compile: bool = True) -> Any:
    """Loads a model from a `.keras` file or a preset folder.

    Registers the classes of `longkeras.models` first, and checks the file before
    Keras sees it: a half-copied or damaged file is named, not guessed at.

    Args:
        path: str or path. A file that ends in `.keras`, or a folder written by
            `longkeras.save_model` or `save_to_preset`.
        compile: bool. Whether to restore the optimizer, loss and metrics that a
            `.keras` file holds. Defaults to `True`. A folder holds none: its task is
            compiled with its defaults.

    Returns:
        A `keras.Model`: for a folder the task it was saved from, or the backbone
        where it holds no task.

    Raises:
        CheckpointError: If there is nothing at `path`, or nothing that can be loaded.

    Example:
    >>> load_model("no_such_model.keras")
    Traceback (most recent call last):
    ...
    longkeras.checkpoint_error.CheckpointError: `path` must name a `.keras` file or \
a preset folder, and there is nothing there. Received: path=no_such_model.keras
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(
            "`path` must name a `.keras` file or a preset folder, and there is "
            f"nothing there. Received: path={path}"
        )
    try:
        if path.is_dir():
            return _load_preset(path)
        return _load_keras_file(path, compile)
    except CheckpointError:
        raise
    except _LOADING_ERRORS as error:
        raise CheckpointError(
            f"The model could not be loaded. Received: path={path}. {error}"
        ) from error


def save_model(model: Any, path: str | os.PathLike[str]) -> Path:
    """Saves a model as a `.keras` file or a preset folder, whole or not at all.

    The model is written beside its place first and moved there when it is complete
    and on the disk: whoever reads `path` meanwhile, or after a crash, finds the old
    model or the new one, never half of one. Of an existing folder the model's own
    files are replaced; others, such as notes or a recipe, are kept.

    Args:
        model: A `keras.Model`; for a folder a KerasHub backbone or task.
        path: str or path. Ends in `.keras` for a file; has no ending for a folder.
            Missing parent folders are made.

    Returns:
        A `pathlib.Path`: where the model is now.

    Raises:
        CheckpointError: If `path` names neither form, if the model cannot be saved
            as a folder, or if the folder is there and holds something else.

    Example:
    >>> save_model(None, "weights.bin")
    Traceback (most recent call last):
    ...
    longkeras.checkpoint_error.CheckpointError: `path` must end in `.keras`, or name \
a folder without an ending. Received: path=weights.bin
    """
    path = Path(path)
    if path.suffix == ".keras" and not path.is_dir():
        write, finish = _write_keras_file, _replace_file
    elif path.suffix == "" or path.is_dir():
        _check_preset_target(model, path)
        write, finish = _write_preset, _replace_folder
    else:
        raise CheckpointError(
            "`path` must end in `.keras`, or name a folder without an ending. "
            f"Received: path={path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a move within one file system is a single step.
    workshop = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        written = workshop / path.name
        write(model, written)
        _flush_to_disk(written, *written.rglob("*"))
        finish(written, path)
        _flush_to_disk(path.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return path


def _load_keras_file(path: Path, compile: bool) -> Any:
    _check_keras_file(path)
    import keras

    import longkeras.models  # noqa: F401  (registers the classes)

    return keras.saving.load_model(path, compile=compile)


def _check_keras_file(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            "The file is not a `.keras` archive: it is of another kind, or it was "
            f"cut short. Received: path={path}"
        )
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        missing = [name for name in _KERAS_FILE_MEMBERS if name not in names]
        damaged = None if missing else archive.testzip()
    if missing:
        raise CheckpointError(
            f"The archive holds no {', '.join(missing)}, so it is not a saved model. "
            f"Received: path={path}"
        )
    if damaged:
        raise CheckpointError(
            f"The archive is damaged: the checksum of {damaged} is wrong. "
            f"Received: path={path}"
        )


def _load_preset(path: Path) -> Any:
    if not (path / "config.json").is_file():
        raise CheckpointError(
            "The folder holds no config.json, so it is not a preset. "
            f"Received: path={path}"
        )
    import longkeras.models  # noqa: F401  (registers the classes)

    return _preset_class(path).from_preset(str(path))


def _preset_class(path: Path) -> Any:
    """The class that wrote a preset folder: the task if it holds one."""
    import keras

    is_task = (path / "task.json").is_file()
    config_file = path / ("task.json" if is_task else "config.json")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    name = config.get("registered_name")
    found = keras.saving.get_registered_object(name) if name else None
    if found is None:
        # KerasHub's own classes are found by name: let its bases look them up.
        import keras_hub

        found = getattr(keras_hub.models, config.get("class_name", ""), None)
    if found is None:
        raise CheckpointError(
            f"The preset's class, {name!r}, is not known here. Received: path={path}"
        )
    return found


def _check_preset_target(model: Any, path: Path) -> None:
    if not hasattr(model, "save_to_preset"):
        raise CheckpointError(
            "Only a KerasHub backbone or task can be saved as a folder; give a path "
            f"that ends in `.keras`. Received: path={path}, model={model!r}"
        )
    if path.exists() and not path.is_dir():
        raise CheckpointError(f"`path` is a file. Received: path={path}")
    is_preset = (path / "config.json").is_file()
    if path.is_dir() and not is_preset and any(path.iterdir()):
        raise CheckpointError(
            "`path` must be a new or an empty folder, or hold a preset to replace. "
            f"Received: path={path}"
        )


def _write_keras_file(model: Any, path: Path) -> None:
    model.save(path)


def _write_preset(model: Any, path: Path) -> None:
    model.save_to_preset(str(path))


def _replace_file(written: Path, path: Path) -> None:
    os.replace(written, path)


def _replace_folder(written: Path, path: Path) -> None:
    """Moves the new folder into place, with the old one's foreign files in it."""
    if not path.exists():
        os.replace(written, path)
        return
    for entry in path.iterdir():
        is_shard = entry.match("model_*.weights.h5")
        if entry.name not in _PRESET_FILES and not is_shard:
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, written / entry.name)
    # Outside the workshop: should both moves fail, the old model is still there.
    old = written.parent.with_suffix(".old")
    os.replace(path, old)
    try:
        os.replace(written, path)
    except OSError:
        os.replace(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(*paths: Path) -> None:
    """Returns when the content of these files and folders is on the disk."""
    for path in paths:
        if os.name == "nt" and path.is_dir():
            continue  # Windows cannot open folders.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
