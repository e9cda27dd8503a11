"""Saving of models in one step, and loading with checks.

A model is a `.keras` file, which includes its optimizer, or a preset folder, which
KerasHub's `from_preset` reads.
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from longkeras.atomic_files import replaced_file, replaced_folder
from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files import check_keras_file
from longkeras.safe_files.preset_folder import checked_once, record_checksums
from longkeras.safe_files.preset_layout import (
    CONFIG_FILE,
    TASK_FILE,
    TASK_WEIGHTS_FILE,
    is_foreign,
)
from longkeras.safe_files.weights import saved_bytes

# The errors of Keras, KerasHub and h5py for damaged files.
_LOADING_ERRORS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
# Fewer than five variables are those of an optimizer that has taken no step.
_OPTIMIZER_MISFIT = (
    r"Skipping variable loading for optimizer .* saved optimizer has (?![0-4] )\d+"
)


def load_model(path: str | os.PathLike[str], compile: bool = True) -> Any:
    """Loads a model from a `.keras` file or a preset folder.

    Registers the classes of `longkeras.models` first, and checks the file before
    Keras reads it.

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
    import longkeras.models  # noqa: F401  (registers the classes)

    try:
        if path.is_dir():
            return _load_preset(path)
        return _load_keras_file(path, compile)
    except CheckpointError:
        raise
    except _loading_errors() as error:
        raise CheckpointError(
            f"The model could not be loaded. Received: path={path}. {error}"
        ) from error


def save_model(model: Any, path: str | os.PathLike[str]) -> Path:
    """Saves a model as a `.keras` file or a preset folder, whole or not at all.

    The model is written beside `path` first and moved there when it is complete and on
    the disk: a reader finds the old model or the new one, also after a crash. In an
    existing folder the model's own files are replaced; others, such as notes or a
    recipe, are kept.

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
        with replaced_file(path, saved_bytes(model)) as place:
            model.save(place)
    elif path.suffix == "" or path.is_dir():
        _check_preset_target(model, path)
        with replaced_folder(path, is_foreign, saved_bytes(model)) as place:
            model.save_to_preset(str(place))
            record_checksums(place)
    else:
        raise CheckpointError(
            "`path` must end in `.keras`, or name a folder without an ending. "
            f"Received: path={path}"
        )
    return path


def _load_keras_file(path: Path, compile: bool) -> Any:
    import keras

    arrays = check_keras_file(path)
    with warnings.catch_warnings():
        # Keras would only warn, and start with a new optimizer.
        warnings.filterwarnings("error", _OPTIMIZER_MISFIT)
        model = keras.saving.load_model(path, compile=compile, safe_mode=True)
    _check_places(model, arrays, path)
    return model


def _load_preset(path: Path) -> Any:
    with checked_once(path) as arrays:
        model = _preset_class(path).from_preset(str(path))
    _check_places(model, arrays, path)
    has_own_weights = getattr(model, "has_task_weights", lambda: False)
    if has_own_weights() and not (path / TASK_WEIGHTS_FILE).exists():
        raise CheckpointError(
            f"The preset holds no {TASK_WEIGHTS_FILE}, the weights of its head. "
            f"Received: path={path}"
        )
    return model


def _check_places(model: Any, arrays: list[str], path: Path) -> None:
    """Refuse more saved weights than the model has.

    Keras ignores them silently: a model of fewer layers would be loaded from the
    weights of a larger one.
    """
    # Private attributes, such as the weights of adapted layers, and the optimizer are
    # not layers of the model.
    arrays = [
        name
        for name in arrays
        if "/_" not in name and not name.startswith("/optimizer/")
    ]
    places = len(model.weights) + len(model.metrics_variables)
    if len(arrays) > places:
        raise CheckpointError(
            f"The weights are those of another model: {len(arrays)} arrays, and "
            f"places for {places}. Received: path={path}"
        )


def _preset_class(path: Path) -> Any:
    """The class that wrote a preset folder: the task if it holds one."""
    import keras

    is_task = (path / TASK_FILE).is_file()
    config_file = path / (TASK_FILE if is_task else CONFIG_FILE)
    config = json.loads(config_file.read_text(encoding="utf-8"))
    name = config.get("registered_name")
    found = keras.saving.get_registered_object(name) if name else None
    if found is None:
        # KerasHub's own classes are found by name.
        import keras_hub

        found = getattr(keras_hub.models, config.get("class_name", ""), None)
    if found is None and "model_type" in config:
        raise CheckpointError(
            "The folder is a checkpoint of Hugging Face's: load it with "
            "`longkeras.conversion.from_huggingface`, or with `from_preset` of a task "
            f"of `longkeras.models`. Received: path={path}"
        )
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
    is_preset = (path / CONFIG_FILE).is_file()
    if path.is_dir() and not is_preset and any(path.iterdir()):
        raise CheckpointError(
            "`path` must be a new or an empty folder, or hold a preset to replace. "
            f"Received: path={path}"
        )


def _loading_errors() -> tuple[type[BaseException], ...]:
    """The errors of loading, with TensorFlow's own where it is loaded."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return _LOADING_ERRORS
    return (*_LOADING_ERRORS, tensorflow.errors.OpError)
