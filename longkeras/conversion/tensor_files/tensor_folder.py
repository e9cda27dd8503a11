"""Reading and writing the tensor files of a checkpoint's folder."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_folder import read_object
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.safetensors_reader import read_safetensors
from longkeras.conversion.tensor_files.torch_reader import read_torch_file

SAFETENSORS_FILE = "model.safetensors"
SAFETENSORS_INDEX = "model.safetensors.index.json"
TORCH_FILE = "pytorch_model.bin"
TORCH_INDEX = "pytorch_model.bin.index.json"
# The limit of `transformers`, and the metadata without which it refuses a file.
MAX_SHARD_BYTES = 50_000_000_000
_METADATA = {"format": "pt"}

_Reader = Callable[[Path], dict[str, NamedTensor]]
# The first that exists is read.
_LAYOUTS: tuple[tuple[str, bool, _Reader], ...] = (
    (SAFETENSORS_FILE, False, read_safetensors),
    (SAFETENSORS_INDEX, True, read_safetensors),
    (TORCH_FILE, False, read_torch_file),
    (TORCH_INDEX, True, read_torch_file),
)


def read_tensors(folder: Path) -> dict[str, NamedTensor]:
    """The tensors of a checkpoint by name, mapped, not read."""
    for name, is_index, read in _LAYOUTS:
        path = Path(folder) / name
        if path.is_file():
            return _read_shards(path, read) if is_index else read(path)
    names = ", ".join(name for name, _, _ in _LAYOUTS)
    raise CheckpointError(
        f"The folder holds no weights that are known here ({names}). "
        f"Received: path={folder}"
    )


def write_tensors(
    folder: Path,
    tensors: Iterable[NamedTensor],
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> list[str]:
    """Write tensors as `model.safetensors`, or as several files with an index.

    The tensors of one file are in memory together. A file with more than one tensor
    has at most `max_shard_bytes` of them. Returns the names of the files.
    """
    shards = _shards(tensors, max_shard_bytes)
    if len(shards) == 1:
        _write_file(folder / SAFETENSORS_FILE, shards[0])
        return [SAFETENSORS_FILE]
    files = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_file(folder / name, shard)
        files.update(dict.fromkeys((tensor.name for tensor in shard), name))
    total = sum(_num_bytes(tensor) for shard in shards for tensor in shard)
    index = {"metadata": {"total_size": total}, "weight_map": files}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / SAFETENSORS_INDEX).write_text(text, encoding="utf-8")
    return [*sorted(set(files.values())), SAFETENSORS_INDEX]


def _shards(
    tensors: Iterable[NamedTensor], max_shard_bytes: int
) -> list[list[NamedTensor]]:
    shards: list[list[NamedTensor]] = [[]]
    size = 0
    for tensor in tensors:
        if shards[-1] and size + _num_bytes(tensor) > max_shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += _num_bytes(tensor)
    return shards


def _num_bytes(tensor: NamedTensor) -> int:
    return math.prod(tensor.shape) * tensor.dtype.itemsize


def _write_file(path: Path, tensors: list[NamedTensor]) -> None:
    arrays = {x.name: np.asarray(x.read(), x.dtype, order="C") for x in tensors}
    try:
        save_file(arrays, path, _METADATA)
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _read_shards(index: Path, read: _Reader) -> dict[str, NamedTensor]:
    files = _files_by_tensor(index)
    tensors: dict[str, NamedTensor] = {}
    for name in sorted(set(files.values())):
        found = read(index.parent / name)
        # By the names in the file: an index names shared tensors only once.
        stored = {tensor.name for tensor in found.values()}
        strays = sorted(tensor for tensor in stored if files.get(tensor) != name)
        if strays:
            raise CheckpointError(
                f"The index does not say that {name} holds {_few(strays)}. "
                f"Received: path={index}"
            )
        tensors.update(found)
    missing = sorted(set(files) - set(tensors))
    if missing:
        raise CheckpointError(
            f"The index names {_few(missing)}, and no file holds them. "
            f"Received: path={index}"
        )
    return tensors


def _files_by_tensor(index: Path) -> dict[str, str]:
    files: Any = read_object(index).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise CheckpointError(
            f"The index has no weight_map of tensors. Received: path={index}"
        )
    for name in files.values():
        if not _is_file_beside(name):
            raise CheckpointError(
                "The index must name files in its own folder. "
                f"Received: path={index}, file={str(name)[:200]!r}"
            )
    return files


def _is_file_beside(name: Any) -> bool:
    if not isinstance(name, str) or name in ("", ".", ".."):
        return False
    return not any(sign in name for sign in "/\\:\0")


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" * (len(names) > 5))
