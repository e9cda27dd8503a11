"""Checks of HDF5 weights: plain arrays of numbers that are stored inside the file.

HDF5 can also link to other files, fill gigabytes from nothing, and load filters from
shared libraries. Keras writes none of that, so none of it is permitted.
"""

import math
import os
import re
from pathlib import Path
from typing import IO, Any

from longkeras.checkpoint_error import CheckpointError

# The errors of h5py for damaged content.
_READING_ERRORS = (KeyError, OSError, RuntimeError, TypeError, ValueError)
_NUMBERS = "biufc"
# NumPy lacks bfloat16 and float8: they are opaque types of two bytes, or one.
_WIDEST_OPAQUE = 2
# Generous bounds for the overhead of HDF5, and for the files beside the weights.
_BYTES_PER_ARRAY = 8 * 2**10
_BYTES_PER_MODEL = 2**20


def saved_bytes(model: Any) -> int:
    """An upper bound of the space that a model and its optimizer take on the disk."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else [])]
    # Layers with LoRA are saved twice: merged and unmerged.
    adapted = {_layer_of(each) for each in variables if each.name.startswith("lora_")}
    twice = [each for each in model.variables if _layer_of(each) in adapted]
    return stored_bytes([*variables, *twice])


def stored_bytes(variables: list[Any]) -> int:
    """An upper bound of the space that variables take in a file of weights."""
    sizes = [math.prod(each.shape) * _item_bytes(each.dtype) for each in variables]
    return sum(sizes) + len(sizes) * _BYTES_PER_ARRAY + _BYTES_PER_MODEL


def _layer_of(variable: Any) -> str:
    return str(variable.path.rpartition("/")[0])


def _item_bytes(dtype: str) -> int:
    """The size of a dtype: 2 for `"bfloat16"`, 1 for `"bool"` and `"float8_e4m3fn"`."""
    bits = re.search(r"\d+", dtype)
    return max(8, int(bits[0])) // 8 if bits else 1


def check_weights(file: Path | IO[bytes], name: str) -> list[str]:
    """Refuse a file of weights that Keras would not write; return its arrays' paths.

    Reads the structure, not the numbers. `name` is what messages call the file.
    """
    import h5py

    try:
        with h5py.File(file, "r") as content:
            return _check_groups(content, _size(file), name)
    except CheckpointError:
        raise
    except _READING_ERRORS as error:
        raise CheckpointError(
            f"{name} cannot be read as HDF5 weights; it may be cut short or damaged: "
            f"{error}"
        ) from error


def _size(file: Path | IO[bytes]) -> int:
    return (
        os.path.getsize(file) if isinstance(file, Path) else file.seek(0, os.SEEK_END)
    )


def _check_groups(content: Any, size: int, name: str) -> list[str]:
    import h5py

    seen, stored, arrays = {_address(content)}, 0, []
    waiting = [content]
    while waiting:
        group = waiting.pop()
        for key in group:
            place = f"{name}: {group.name.rstrip('/')}/{key}"
            thing = _linked(group, key, place)
            if _address(thing) in seen:
                raise CheckpointError(f"{place} stands in two places.")
            seen.add(_address(thing))
            if isinstance(thing, h5py.Group):
                waiting.append(thing)
            else:
                stored += _stored_bytes(thing, size, place)
                arrays.append(thing.name)
    if stored > size:
        raise CheckpointError(
            f"{name} declares {stored} bytes of weights, and has {size}: several share "
            "one place."
        )
    return arrays


def _address(thing: Any) -> int:
    import h5py

    return h5py.h5o.get_info(thing.id).addr


def _linked(group: Any, key: str, place: str) -> Any:
    import h5py

    link = group.get(key, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise CheckpointError(
            f"{place} is a link to another place or file: {type(link).__name__}."
        )
    thing = group[key]
    if not isinstance(thing, h5py.Group | h5py.Dataset):
        raise CheckpointError(f"{place} is neither a group nor an array.")
    return thing


def _stored_bytes(array: Any, size: int, place: str) -> int:
    """The size of an array in bytes, after a check that they are all in this file."""
    if array.external or array.is_virtual:
        raise CheckpointError(f"{place} is stored in another file.")
    if array.id.get_create_plist().get_nfilters():
        raise CheckpointError(f"{place} is stored through a filter; Keras uses none.")
    kind = array.dtype
    is_opaque = kind.kind == "V" and kind.fields is None and kind.subdtype is None
    is_number = kind.kind in _NUMBERS or (is_opaque and kind.itemsize <= _WIDEST_OPAQUE)
    if not is_number or array.shape is None:
        raise CheckpointError(f"{place} is no array of numbers: dtype={kind}.")
    declared = math.prod(array.shape) * kind.itemsize
    stored = array.id.get_storage_size()
    start = array.id.get_offset() or 0
    if declared > stored or start + stored > size:
        raise CheckpointError(
            f"{place} declares {declared} bytes, shape={array.shape}, and the file "
            f"holds {min(stored, max(0, size - start))}."
        )
    return stored
