"""Writes safetensors files, several where one would grow too large."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.safetensors_reader import DTYPES, LENGTH_BYTES
from longkeras.conversion.tensor_files.tensor_folder import (
    SAFETENSORS_FILE,
    SAFETENSORS_INDEX,
)

# Hugging Face's own limit, and the mark without which it does not read a file.
MAX_SHARD_BYTES = 50_000_000_000
_METADATA = {"format": "pt"}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write_tensors(
    folder: Path,
    tensors: Iterable[NamedTensor],
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> list[str]:
    """Writes tensors as `model.safetensors`, or as several files and their index.

    Args:
        folder: path. Is there already, and empty: whoever replaces a checkpoint
            does it with the whole folder.
        tensors: iterable of `NamedTensor`, each read when its turn comes.
        max_shard_bytes: int. The most bytes of tensors in a file that has more than
            one. Defaults to 50 GB.

    Returns:
        list of str: the names of the files.
    """
    shards = _shards(tensors, max_shard_bytes)
    if len(shards) == 1:
        _write_safetensors(folder / SAFETENSORS_FILE, shards[0])
        return [SAFETENSORS_FILE]
    files = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_safetensors(folder / name, shard)
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


def _write_safetensors(path: Path, tensors: list[NamedTensor]) -> None:
    header: dict[str, object] = {"__metadata__": _METADATA}
    end = 0
    for tensor in tensors:
        start, end = end, end + _num_bytes(tensor)
        header[tensor.name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % LENGTH_BYTES)  # so that numbers lie on their bounds

    with open(path, "wb") as file:
        file.write(len(text).to_bytes(LENGTH_BYTES, "little"))
        file.write(text)
        for tensor in tensors:
            values = np.ascontiguousarray(tensor.read(), tensor.dtype)
            file.write(values.reshape(-1).view(np.uint8).data)
