"""What `save_to_preset` writes into a folder. Anything else in it is somebody's."""

from pathlib import Path

CONFIG_FILE = "config.json"
TASK_FILE = "task.json"
TOKENIZER_FILE = "tokenizer.json"
METADATA_FILE = "metadata.json"
MODEL_WEIGHTS_FILE = "model.weights.h5"
TASK_WEIGHTS_FILE = "task.weights.h5"
SHARD_MAP_FILE = "model.weights.json"
SHARDS = "model_*.weights.h5"
ASSETS_FOLDER = "assets"

# Each holds a serialised Keras object. Tokenizers, preprocessors and converters may
# name files of their own, with these endings.
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


def object_files(folder: Path) -> list[Path]:
    """The files from which KerasHub would make objects, sorted."""
    found = {path for pattern in OBJECT_FILES for path in folder.glob(pattern)}
    return sorted(found)


def weight_files(folder: Path) -> list[Path]:
    """The HDF5 files of weights, shards included, sorted."""
    return sorted(path for name in WEIGHT_FILES for path in folder.glob(name))


def is_foreign(new: Path, place: Path) -> bool:
    """Whether an entry of a preset folder is none of the preset's own.

    Args:
        new: path. The folder that takes the preset's place; it does not matter here.
        place: path. The entry, relative to the preset.
    """
    top = Path(place.parts[0])
    return top.name not in _PRESET_FILES and not top.match(SHARDS)


def is_current(new: Path, place: Path) -> bool:
    """Whether an entry of a preset folder still belongs there beside new files.

    Parts of a preset may be saved one after another, so everything does, except the
    old weights where the new ones are in another form: whole, or in shards.

    Args:
        new: path. The folder that takes the preset's place.
        place: path. The entry, relative to the preset.
    """
    is_weights = place.name in (MODEL_WEIGHTS_FILE, SHARD_MAP_FILE)
    is_weights = is_weights or place.match(SHARDS)
    has_new = any(
        (new / name).exists() for name in (MODEL_WEIGHTS_FILE, SHARD_MAP_FILE)
    )
    return not (len(place.parts) == 1 and is_weights and has_new)
