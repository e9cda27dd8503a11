"""Reader of safetensors files: eight bytes of length, a JSON header, the tensors.

The `safetensors` package writes our files, but does not read them: its NumPy reader
copies each tensor, where this one returns views of the mapped file, and its errors name
neither the file nor, in most cases, the tensor. It also accepts duplicate keys in a
header.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_folder import parse_object
from longkeras.conversion.tensor_files.named_tensor import NamedTensor, map_file

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
LENGTH_BYTES = 8
# The format's own limit. A header of a model with a million tensors is below it.
MAX_HEADER_BYTES = 100_000_000
MAX_DIMENSIONS = 32  # NumPy's limit before 2.0


def read_safetensors(path: Path) -> dict[str, NamedTensor]:
    """The tensors of a safetensors file by name, mapped, not read.

    The header is compared with the file first: the tensors fill it from the header to
    the last byte without a gap or an overlap, and each has the size that its shape and
    dtype need. A name that the metadata maps to another, as
    `safetensors.torch.save_model` does for shared tensors, is that tensor too.

    Reference:
        [The format](https://huggingface.co/docs/safetensors)
    """
    content = np.frombuffer(map_file(path), np.uint8)
    header_end = _header_end(content, path)
    header = parse_object(content[LENGTH_BYTES:header_end].tobytes(), path)
    metadata = header.pop("__metadata__", None)
    tensors: dict[str, NamedTensor] = {}
    spans = []
    for name, entry in header.items():
        dtype, shape, span = _checked_entry(entry, name, path)
        spans.append((*span, name))
        values = content[header_end + span[0] : header_end + span[1]]
        read = _viewing(values, dtype, shape)
        tensors[name] = NamedTensor(name, dtype, shape, read, path)
    _check_spans(sorted(spans), len(content) - header_end, path)
    return {**_shared(metadata, tensors), **tensors}


def _shared(metadata: Any, tensors: dict[str, NamedTensor]) -> dict[str, NamedTensor]:
    """Tensors that are stored under another name, by their missing name."""
    entries = metadata.items() if isinstance(metadata, dict) else ()
    return {
        name: tensors[kept]
        for name, kept in entries
        if isinstance(kept, str) and kept in tensors
    }


def _header_end(content: np.ndarray, path: Path) -> int:
    length = int.from_bytes(content[:LENGTH_BYTES].tobytes(), "little")
    if len(content) < LENGTH_BYTES or length > min(
        MAX_HEADER_BYTES, len(content) - LENGTH_BYTES
    ):
        raise CheckpointError(
            f"The file is no safetensors file, or was cut short: it has {len(content)} "
            f"bytes, and its header would have {length}. Received: path={path}"
        )
    return LENGTH_BYTES + length


def _checked_entry(
    entry: Any, name: str, path: Path
) -> tuple[np.dtype, tuple[int, ...], tuple[int, int]]:
    """Dtype, shape and span of a tensor, if they agree."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refusal("has not just a dtype, a shape and data_offsets", name, path)
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        known = ", ".join(DTYPES)
        raise _refusal(f"has dtype {entry['dtype']!r}; known are {known}", name, path)
    shape, span = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise _refusal(f"has no possible shape: {str(shape)[:80]}", name, path)
    if not _are_sizes(span) or len(span) != 2:
        raise _refusal(f"has no possible data_offsets: {str(span)[:80]}", name, path)
    needed, given = math.prod(shape) * dtype.itemsize, span[1] - span[0]
    if needed != given:
        raise _refusal(
            f"has {given} bytes, and {needed} are needed for {entry['dtype']} of "
            f"shape {tuple(shape)}",
            name,
            path,
        )
    return dtype, tuple(shape), (span[0], span[1])


def _are_sizes(value: Any) -> bool:
    # `type`, not `isinstance`: True is an int too.
    return isinstance(value, list) and all(type(x) is int and x >= 0 for x in value)


def _check_spans(
    spans: list[tuple[int, int, str]], data_bytes: int, path: Path
) -> None:
    end = 0
    for start, stop, name in spans:
        if start != end:
            what = "overlaps the one before it" if start < end else "leaves a gap"
            raise _refusal(f"begins at byte {start} and {what}", name, path)
        end = stop
    if end != data_bytes:
        raise CheckpointError(
            f"The file was cut short, or is longer than it should be: its tensors have "
            f"{end} bytes, and {data_bytes} follow the header. Received: path={path}"
        )


def _refusal(what: str, name: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"The file's header is wrong: the tensor {what}. "
        f"Received: path={path}, tensor={name[:200]!r}"
    )


def _viewing(
    values: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]
) -> Callable[[], np.ndarray]:
    return lambda: values.view(dtype).reshape(shape)
