"""Reader of PyTorch files without PyTorch: archives, and the form before 1.6."""

import io
import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor, map_file
from longkeras.conversion.tensor_files.pickle_machine import PickleMachine, PickleName
from longkeras.conversion.tensor_files.safetensors_reader import MAX_DIMENSIONS

_ZIP_SIGNATURE = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1
# The form before 1.6: five pickles in a row, followed by the storages.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_SIZE_BYTES = 8
STORAGE_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


@dataclass(frozen=True)
class Storage:
    """A block of numbers in the file, which tensors are views of."""

    key: str
    dtype: np.dtype
    size: int

    @property
    def num_bytes(self) -> int:
        return self.size * self.dtype.itemsize


@dataclass(frozen=True)
class StoredView:
    """A tensor as a view of its storage, with offset and strides in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fits(self) -> bool:
        """Return whether the view lies in its storage and is no larger."""
        numbers = (self.offset, *self.shape, *self.strides)
        if not all(type(number) is int and number >= 0 for number in numbers):
            return False
        if len(self.shape) != len(self.strides) or len(self.shape) > MAX_DIMENSIONS:
            return False
        if math.prod(self.shape) == 0:
            return self.offset <= self.storage.size
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        # A stride of zero would make a small storage a tensor of any size.
        return last < self.storage.size and math.prod(self.shape) <= self.storage.size

    def of(self, values: np.ndarray) -> np.ndarray:
        """The tensor's values, given those of its storage."""
        if math.prod(self.shape) == 0:
            return np.empty(self.shape, values.dtype)
        strides = [stride * values.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, strides, writeable=False
        )


class StateDictionary:
    """Reader of the pickle of a state dictionary; `path` is for messages."""

    def __init__(self, path: Path):
        self.path = path
        self.storages: dict[str, Storage] = {}
        names = {
            "collections OrderedDict": PickleName(_empty_dictionary),
            "torch._utils _rebuild_parameter": PickleName(_parameter),
            "torch._utils _rebuild_tensor_v2": PickleName(self._tensor),
        }
        for name, dtype in STORAGE_DTYPES.items():
            names[f"torch {name}"] = PickleName(None, dtype)
        self._names = names

    def run(self, file: Any) -> Any:
        """The value of the pickle at the file's current position."""
        return PickleMachine(self._names, self._storage, self.path).run(file)

    def tensors(
        self, state: Any, values_of: Callable[[Storage], np.ndarray]
    ) -> dict[str, NamedTensor]:
        """The tensors of a state dictionary that `run` has read."""
        if type(state) is not dict or not state:
            raise CheckpointError(
                f"The file holds no state dictionary. Received: path={self.path}"
            )
        return {
            name: self._named_tensor(name, view, values_of)
            for name, view in state.items()
        }

    def _named_tensor(
        self, name: str, view: Any, values_of: Callable[[Storage], np.ndarray]
    ) -> NamedTensor:
        if not isinstance(view, StoredView):
            raise CheckpointError(
                "The state dictionary must hold tensors only. "
                f"Received: path={self.path}, {name[:200]!r} is a {type(view).__name__}"
            )
        if not view.fits():
            raise CheckpointError(
                f"The tensor does not lie in its storage: {str(view)[:300]}. "
                f"Received: path={self.path}, tensor={name[:200]!r}"
            )
        return NamedTensor(
            name,
            view.storage.dtype,
            view.shape,
            lambda: view.of(values_of(view.storage)),
            self.path,
        )

    def _storage(self, persistent_id: Any) -> Storage:
        kind, storage_type, key, _, size, *view = persistent_id
        if kind != "storage" or view not in ([], [None]):
            raise ValueError("a storage is of an unknown kind")
        if type(key) is not str or type(size) is not int or size < 0:
            raise ValueError("a storage has no key or no size")
        storage = Storage(key, _storage_dtype(storage_type), size)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"storage {key[:80]} has two sizes or types")
        return storage

    def _tensor(
        self,
        storage: Any,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        requires_grad: bool,
        backward_hooks: dict[str, Any],
        metadata: Any = None,
    ) -> StoredView:
        if not isinstance(storage, Storage) or metadata:
            raise TypeError("a tensor is not made of a storage alone")
        return StoredView(storage, offset, tuple(shape), tuple(strides))


def _storage_dtype(storage_type: Any) -> np.dtype:
    if not isinstance(storage_type, PickleName) or storage_type.value is None:
        raise TypeError("a storage has no type")
    return storage_type.value


def _empty_dictionary() -> dict[str, Any]:
    return {}


def _parameter(
    data: StoredView, requires_grad: bool, backward_hooks: dict[str, Any]
) -> StoredView:
    return data


def read_torch_file(path: Path) -> dict[str, NamedTensor]:
    """The tensors of a state dictionary in a file of `torch.save`, by name.

    Reads archives and the form before 1.6. The pickle is data: nothing in it is run,
    and anything but tensors is refused. Tensors are mapped, not read; an archive's are
    compared with its checksums when they are read.
    """
    content = map_file(path)
    if content[: len(_ZIP_SIGNATURE)] == _ZIP_SIGNATURE:
        return _read_archive(content, path)
    return _read_legacy(content, path)


def _read_archive(content: mmap.mmap, path: Path) -> dict[str, NamedTensor]:
    entries = _entries(content, path)
    pickles = [name for name in entries if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise _damaged(path, f"the archive has {len(pickles)} entries data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    raw = np.frombuffer(content, np.uint8)
    whole: set[str] = set()

    def bytes_of(name: str) -> np.ndarray:
        start, size, checksum = entries[name]
        values = raw[start : start + size]
        if name not in whole and zlib.crc32(values.data) != checksum:
            raise _damaged(path, f"the checksum of {name} is wrong")
        whole.add(name)
        return values

    byte_order = f"{folder}byteorder"
    if byte_order in entries and bytes_of(byte_order).tobytes() != b"little":
        raise _damaged(path, "its numbers are not little-endian")
    dictionary = StateDictionary(path)
    state = dictionary.run(io.BytesIO(bytes_of(pickles[0]).tobytes()))
    for storage in dictionary.storages.values():
        _, size, _ = entries.get(f"{folder}data/{storage.key}", (0, -1, 0))
        if size != storage.num_bytes:
            raise _damaged(
                path,
                f"storage {storage.key[:80]} should have {storage.num_bytes} bytes, "
                f"and has {'none' if size < 0 else size}",
            )

    def values_of(storage: Storage) -> np.ndarray:
        return bytes_of(f"{folder}data/{storage.key}").view(storage.dtype)

    return dictionary.tensors(state, values_of)


def _entries(content: mmap.mmap, path: Path) -> dict[str, tuple[int, int, int]]:
    """Start, size and checksum of each entry; all are stored uncompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        entries = {info.filename: _place(content, info) for info in infos}
    except (OSError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile) as e:
        raise _damaged(path, f"it is no whole archive ({e})") from e
    if len(entries) != len(infos):
        raise _damaged(path, "the archive has two entries of one name")
    return entries


def _place(content: mmap.mmap, info: zipfile.ZipInfo) -> tuple[int, int, int]:
    # PyTorch compresses nothing, so a compressed entry is refused, not unpacked.
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
        raise ValueError(f"{info.filename[:200]} is compressed or encrypted")
    header = content[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    start = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    if signature != _ZIP_SIGNATURE or start + info.file_size > len(content):
        raise ValueError(f"{info.filename[:200]} is not where it should be")
    return start, info.file_size, info.CRC


def _read_legacy(content: mmap.mmap, path: Path) -> dict[str, NamedTensor]:
    dictionary = StateDictionary(path)
    magic, protocol = dictionary.run(content), dictionary.run(content)
    if (magic, protocol) != (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
        raise _damaged(path, "it was not written by torch.save")
    system = dictionary.run(content)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise _damaged(path, "its numbers are not little-endian")
    state, keys = dictionary.run(content), dictionary.run(content)
    places = _legacy_places(content, keys, dictionary)
    raw = np.frombuffer(content, np.uint8)

    def values_of(storage: Storage) -> np.ndarray:
        start = places[storage.key]
        return raw[start : start + storage.num_bytes].view(storage.dtype)

    return dictionary.tensors(state, values_of)


def _legacy_places(
    content: mmap.mmap, keys: Any, dictionary: StateDictionary
) -> dict[str, int]:
    """The start of each storage's numbers, which follow their count of eight bytes."""
    storages, path = dictionary.storages, dictionary.path
    named = [key for key in keys if type(key) is str] if type(keys) is list else []
    if sorted(named) != sorted(storages):
        raise _damaged(path, "its list of storages is not that of its tensors")
    places = {}
    position = content.tell()
    for key in named:
        count = int.from_bytes(content[position : position + _SIZE_BYTES], "little")
        places[key] = position + _SIZE_BYTES
        position = places[key] + storages[key].num_bytes
        if count != storages[key].size or position > len(content):
            raise _damaged(path, f"storage {key[:80]} is not whole")
    if position != len(content):
        raise _damaged(path, f"{len(content) - position} bytes are left over")
    return places


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"The PyTorch file is damaged or of an unknown kind: {why}. "
        f"Received: path={path}"
    )
