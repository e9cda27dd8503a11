"""Where a checkpoint lies: a folder here, or one of the Hugging Face Hub's."""

import os
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.strict_json import read_object
from longkeras.safe_files.checkpoint_folder import check_checkpoint_folder
from longkeras.safe_files.preset_layout import (
    ASSETS_FOLDER,
    METADATA_FILE,
    OBJECT_FILES,
    SHARD_MAP_FILE,
    WEIGHT_FILES,
)

HUB_PREFIX = "hf://"
CONFIG_FILE = "config.json"
# Any of these is a whole tokenizer, or the larger part of one.
TOKENIZER_SOURCES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
TOKENIZER_FILES = (
    *TOKENIZER_SOURCES,
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
)
# Not "*.safetensors": some repositories hold the same weights several times.
_SAFETENSORS = ["model.safetensors", "model.safetensors.index.json", "model-*-of-*"]
_TORCH = ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*-of-*"]


def local_folder(
    path_or_handle: str | os.PathLike[str], with_weights: bool = True
) -> Path:
    """The folder of a checkpoint, downloaded first where it is on the Hub.

    Only files that are read are downloaded, into the cache that other programs share
    (`HF_HOME`), and from `HF_ENDPOINT` where that is set. What is in the cache is
    used without a network too.

    Args:
        path_or_handle: str or path. A folder, or `"hf://user/name"`, with a branch,
            tag or commit behind an `@` if wanted.
        with_weights: bool. Whether the weights are wanted. Defaults to `True`.

    Returns:
        `pathlib.Path`.

    Raises:
        CheckpointError: If there is no such folder or model, the folder holds no
            `config.json`, or the Hub cannot be reached.
    """
    handle = os.fspath(path_or_handle)
    if not handle.startswith(HUB_PREFIX):
        return check_checkpoint_folder(handle, "path_or_handle")
    folder = _download(handle, [CONFIG_FILE, *TOKENIZER_FILES])
    if with_weights:
        folder = _download(handle, _SAFETENSORS)
        if not any(folder.glob("model*.safetensors")):
            folder = _download(handle, _TORCH)
    return folder


def preset_folder(handle: str, with_weights: bool = True) -> Path:
    """The folder of a KerasHub preset that is on the Hub, downloaded first.

    Args:
        handle: str. See `local_folder`.
        with_weights: bool. Whether the weights are wanted. Defaults to `True`.

    Returns:
        `pathlib.Path`.

    Raises:
        CheckpointError: If there is no such model, or the Hub cannot be reached.
    """
    patterns = [*OBJECT_FILES, f"{ASSETS_FOLDER}/*"]
    if with_weights:
        # Without weights there is nothing for the checksums in METADATA_FILE either.
        patterns += [METADATA_FILE, SHARD_MAP_FILE, *WEIGHT_FILES]
    return _download(handle, patterns)


def has_tokenizer(folder: Path) -> bool:
    """Return whether a folder holds a tokenizer of some kind.

    Args:
        folder: path.

    Returns:
        bool.
    """
    return any((folder / name).is_file() for name in TOKENIZER_SOURCES)


def read_config(path_or_handle: str | os.PathLike[str]) -> dict[str, Any]:
    """The `config.json` of a checkpoint, which alone is downloaded.

    Args:
        path_or_handle: str or path. See `local_folder`.

    Returns:
        dict.

    Raises:
        CheckpointError: If there is none, or it is damaged.
    """
    handle = os.fspath(path_or_handle)
    if not handle.startswith(HUB_PREFIX):
        folder = check_checkpoint_folder(handle, "path_or_handle")
    else:
        folder = _download(handle, [CONFIG_FILE])
    return read_object(folder / CONFIG_FILE)


def _download(handle: str, patterns: list[str]) -> Path:
    # Seconds of import that a folder on the disk does not need.
    import huggingface_hub
    from huggingface_hub import errors

    repository, _, revision = handle.removeprefix(HUB_PREFIX).partition("@")
    try:
        folder = huggingface_hub.snapshot_download(
            repository, revision=revision or None, allow_patterns=patterns
        )
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise CheckpointError(
            "The Hugging Face Hub has no such model or revision, or it is private or "
            "gated: look at the name, and log in with `hf auth login` if you were "
            f"given access. Received: {handle}"
        ) from error
    except errors.HFValidationError as error:
        raise CheckpointError(
            f"A model of the Hub is named {HUB_PREFIX}user/name or "
            f"{HUB_PREFIX}user/name@revision. Received: {handle}"
        ) from error
    except (OSError, errors.HfHubHTTPError, RuntimeError) as error:
        raise CheckpointError(
            "The Hugging Face Hub cannot be reached, and the model is not in the cache "
            "on this machine. Go online once, set `HF_ENDPOINT` to a mirror, or copy "
            f"the model's folder here and give its path. Received: {handle}. {error}"
        ) from error
    return Path(folder)
