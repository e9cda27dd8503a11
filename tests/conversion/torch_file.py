"""Files as `torch.save` writes them, made without PyTorch: honest and hostile ones."""

import io
import pickle
import struct
import zipfile

import numpy as np

STORAGE_TYPES = {"float32": "FloatStorage", "float16": "HalfStorage"}
MAGIC = 0x1950A86A20F9469CFC6C
EMPTY = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def integers(values) -> bytes:
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def storage(key: str, size: int, storage_type: str = "FloatStorage") -> bytes:
    parts = [
        text("storage"),
        f"ctorch\n{storage_type}\n".encode(),
        text(key),
        text("cpu"),
        integer(size),
    ]
    return b"(" + b"".join(parts) + b"tQ"


def tensor(stored: bytes, shape, strides, offset: int = 0) -> bytes:
    parts = [
        stored,
        integer(offset),
        integers(shape),
        integers(strides),
        b"\x89",
        EMPTY,
    ]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + b"".join(parts) + b"tR"


def dictionary(entries: dict[str, bytes]) -> bytes:
    items = b"".join(text(name) + value for name, value in entries.items())
    # PyTorch gives its dictionaries a state, the versions of their modules.
    state = b"}" + text("_metadata") + EMPTY + b"sb"
    return b"\x80\x02" + EMPTY + b"(" + items + b"u" + state + b"."


def dictionary_of(arrays: dict[str, np.ndarray]) -> bytes:
    entries = {}
    for key, (name, array) in enumerate(arrays.items()):
        stored = storage(str(key), array.size, STORAGE_TYPES[array.dtype.name])
        strides = [stride // array.itemsize for stride in array.strides]
        entries[name] = tensor(stored, array.shape, strides)
    return dictionary(entries)


def archive(
    data: bytes, storages: dict[str, bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """A `torch.save` archive of a pickle and the bytes of its storages."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as file:
        file.writestr("model/data.pkl", data)
        file.writestr("model/byteorder", "little")
        for key, values in storages.items():
            file.writestr(f"model/data/{key}", values)
        file.writestr("model/version", "3\n")
    return content.getvalue()


def archive_of(arrays: dict[str, np.ndarray]) -> bytes:
    storages = {str(i): x.tobytes("A") for i, x in enumerate(arrays.values())}
    return archive(dictionary_of(arrays), storages)


def legacy_of(arrays: dict[str, np.ndarray], system=None) -> bytes:
    """What PyTorch wrote before 1.6: five pickles, then the storages."""
    system = system or {"protocol_version": 1001, "little_endian": True}
    keys = [str(i) for i in range(len(arrays))]
    parts = [pickle.dumps(x, 2) for x in (MAGIC, 1001, system)]
    parts += [dictionary_of(arrays), pickle.dumps(keys, 2)]
    for array in arrays.values():
        parts += [struct.pack("<q", array.size), array.tobytes("A")]
    return b"".join(parts)
