"""Reads what `torch.save` wrote, without PyTorch: the archive, and the older form."""

import io
import mmap
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor, map_file
from longkeras.conversion.tensor_files.torch_tensors import StateDictionary, Storage

_ZIP_SIGNATURE = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1
# The older form: five pickles, one behind the other, and then the storages.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_SIZE_BYTES = 8


def read_torch_file(path: Path) -> dict[str, NamedTensor]:
    """The tensors of a file that `torch.save` wrote a state dictionary to.

    Both forms are read: the archive, and what PyTorch wrote before 1.6. The pickle in
    it is taken as data: what asks for anything but tensors is refused, and nothing of
    it is run. Tensors are mapped, not read; those of an archive are compared with
    its checksums when they are.

    Args:
        path: path.

    Returns:
        dict of `NamedTensor` by name.

    Raises:
        CheckpointError: If the file is cut short, damaged, of another kind, or holds
            anything but tensors.
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
    """Start, size and checksum of each entry, which all lie in the file as they are."""
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
    # PyTorch compresses nothing; so nothing is unpacked here, whatever its size.
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
    """Where each storage's numbers start, behind a count of eight bytes."""
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
