"""The folder of a checkpoint: download from the Hub, JSON files and tokenizer."""

import json
import os
from pathlib import Path
from typing import Any, NoReturn

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.preset_layout import (
    ASSETS_FOLDER,
    CONFIG_FILE,
    HUB_PREFIX,
    METADATA_FILE,
    OBJECT_FILES,
    SHARD_MAP_FILE,
    WEIGHT_FILES,
)
from longkeras.text.document_encoding import without_byte_order_mark
from longkeras.text.subword_sources import TOKENIZER_FILES, TOKENIZER_SOURCES

# Not "*.safetensors": some repositories hold the same weights several times.
_SAFETENSORS = ["model.safetensors", "model.safetensors.index.json", "model-*-of-*"]
_TORCH = ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*-of-*"]


def local_folder(
    path_or_handle: str | os.PathLike[str], with_weights: bool = True
) -> Path:
    """A checkpoint's folder, downloaded first if `hf://user/name` is given.

    A branch, tag or commit may follow the name after an `@`. Only files that are read
    are downloaded, into the cache that other programs share (`HF_HOME`), and from
    `HF_ENDPOINT` where that is set. Files in the cache are used without a network.
    """
    handle = os.fspath(path_or_handle)
    if not handle.startswith(HUB_PREFIX):
        return Path(handle)
    folder = _download(handle, [CONFIG_FILE, *TOKENIZER_FILES])
    if with_weights:
        folder = _download(handle, _SAFETENSORS)
        if not any(folder.glob("model*.safetensors")):
            folder = _download(handle, _TORCH)
    return folder


def preset_folder(handle: str, with_weights: bool = True) -> Path:
    """The folder of a KerasHub preset on the Hub, downloaded first."""
    patterns = [*OBJECT_FILES, f"{ASSETS_FOLDER}/*"]
    if with_weights:
        # Without weights there is nothing for the checksums in METADATA_FILE either.
        patterns += [METADATA_FILE, SHARD_MAP_FILE, *WEIGHT_FILES]
    return _download(handle, patterns)


def read_config(path_or_handle: str | os.PathLike[str]) -> dict[str, Any]:
    """The `config.json` of a checkpoint; from the Hub only this file is downloaded."""
    handle = os.fspath(path_or_handle)
    is_remote = handle.startswith(HUB_PREFIX)
    folder = _download(handle, [CONFIG_FILE]) if is_remote else Path(handle)
    return read_object(folder / CONFIG_FILE)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; see `parse_object`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"The file cannot be read: {error}. Received: path={path}"
        ) from error
    return parse_object(content, path)


def parse_object(content: bytes, path: Path) -> dict[str, Any]:
    """The JSON object in a file's content, which may begin with a byte order mark.

    Refuses other JSON values, duplicate keys, NaN and infinity.
    """
    try:
        value = json.loads(
            without_byte_order_mark(content.decode("utf-8")),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"The file is not the JSON that it should be: {error}. "
            f"Received: path={path}"
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"The file must hold one JSON object. Received: path={path}"
        )
    return value


def has_tokenizer(folder: Path) -> bool:
    """Return whether a folder holds a tokenizer of some kind."""
    return any((folder / name).is_file() for name in TOKENIZER_SOURCES)


def read_tokenizer(folder: Path, kind: Any, **arguments: Any) -> Any:
    """The tokenizer of a folder, an instance of `kind`, a `SubwordTokenizer`."""
    try:
        return kind.from_huggingface_folder(folder, **arguments)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The tokenizer cannot be read: {error}. Received: path={folder}"
        ) from error


def write_tokenizer(tokenizer: Any, folder: Path, max_sequence_length: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` into a folder."""
    special = tokenizer.special_names
    settings = {
        "bos_token": special.start,
        "clean_up_tokenization_spaces": False,
        "cls_token": special.start,
        "eos_token": special.end,
        "mask_token": special.mask,
        "model_max_length": max_sequence_length,
        "pad_token": special.pad,
        "sep_token": special.separator,
        # tokenizer.json describes every kind of tokenizer completely.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": special.unknown,
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(tokenizer.definition, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})[:5]
        raise ValueError(f"it says {', '.join(twice)} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


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
