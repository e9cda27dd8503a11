"""Handles and folders of models, and the files that `save_to_preset` writes."""

import os
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError

HUB_PREFIX = "hf://"
CONFIG_FILE = "config.json"
TASK_FILE = "task.json"
TOKENIZER_FILE = "tokenizer.json"
METADATA_FILE = "metadata.json"
MODEL_WEIGHTS_FILE = "model.weights.h5"
TASK_WEIGHTS_FILE = "task.weights.h5"
SHARD_MAP_FILE = "model.weights.json"
SHARDS = "model_*.weights.h5"
ASSETS_FOLDER = "assets"

# Each holds a serialized Keras object. Tokenizers, preprocessors and converters may
# have files of their own, with these endings.
OBJECT_FILES = (
    CONFIG_FILE,
    TASK_FILE,
    "*tokenizer.json",
    "*preprocessor.json",
    "*converter.json",
)
WEIGHT_FILES = (MODEL_WEIGHTS_FILE, TASK_WEIGHTS_FILE, SHARDS)
_PRESET_FILES = (
    ASSETS_FOLDER,
    CONFIG_FILE,
    METADATA_FILE,
    MODEL_WEIGHTS_FILE,
    SHARD_MAP_FILE,
    "preprocessor.json",
    TASK_FILE,
    TASK_WEIGHTS_FILE,
    TOKENIZER_FILE,
)


def check_checkpoint_folder(path: str | os.PathLike[str], argument: str) -> None:
    """Refuse a path that is not a folder with a `config.json`, and say what it is.

    A handle on the Hub is not looked at. `argument` is the path's name in messages.
    """
    wrong = None
    if not os.fspath(path).startswith(HUB_PREFIX):
        wrong = _what_is_wrong(Path(path))
    if wrong:
        raise CheckpointError(
            f"`{argument}` must name a model's folder, which holds a {CONFIG_FILE}, or "
            f"a model of the Hugging Face Hub as hf://user/name; {wrong}. Received: "
            f"{argument}={path}"
        )


def object_files(folder: Path) -> list[Path]:
    """The files from which KerasHub creates objects, sorted."""
    found = {path for pattern in OBJECT_FILES for path in folder.glob(pattern)}
    return sorted(found)


def weight_files(folder: Path) -> list[Path]:
    """The HDF5 files of weights, shards included, sorted."""
    return sorted(path for name in WEIGHT_FILES for path in folder.glob(name))


def is_foreign(new: Path, place: Path) -> bool:
    """Return whether an entry of a folder is not part of the preset in it."""
    top = Path(place.parts[0])
    return top.name not in _PRESET_FILES and not top.match(SHARDS)


def is_current(new: Path, place: Path) -> bool:
    """Return whether an entry of a preset folder is kept beside new files.

    Parts of a preset may be saved one after another, so everything is, except for old
    weights where the new ones are in the other form: one file, or shards.
    """
    is_weights = place.name in (MODEL_WEIGHTS_FILE, SHARD_MAP_FILE)
    is_weights = is_weights or place.match(SHARDS)
    has_new = any(
        (new / name).exists() for name in (MODEL_WEIGHTS_FILE, SHARD_MAP_FILE)
    )
    return not (len(place.parts) == 1 and is_weights and has_new)


def _what_is_wrong(folder: Path) -> str | None:
    if not folder.exists():
        return "there is no such folder"
    if not folder.is_dir():
        return "this is a file: give the folder that holds it"
    if (folder / CONFIG_FILE).is_file():
        return None
    if not any(folder.iterdir()):
        return "this folder is empty"
    # Folders of sentence-transformers may hold the model one level below.
    below = sorted(x.parent.name for x in folder.glob(f"*/{CONFIG_FILE}"))
    hint = f", but its subfolder {below[0]} does" if len(below) == 1 else ""
    return f"this folder holds no {CONFIG_FILE}{hint}"
