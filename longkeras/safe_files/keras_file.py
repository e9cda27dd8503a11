"""The check of a `.keras` file, an archive of JSON and HDF5, before it is used."""

import io
import itertools
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.configuration import (
    MAX_JSON_BYTES,
    check_classes,
    check_sizes,
    read_configuration,
)
from longkeras.safe_files.weights import check_weights

_CONFIG = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
_NEEDED = (_CONFIG, _METADATA, _WEIGHTS)
_ASSETS = "assets/"
_MAX_MEMBERS = 10_000
# Keras does not compress members, but the file may have been repacked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_EXPANSION = 100
# What all members together may exceed that factor by: zeros compress even better.
_FREE_EXPANSION = 64 * 2**20
_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<26xHH")
_CHUNK = 2**20

# The errors of `zipfile` for damaged archives.
_ARCHIVE_ERRORS = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def check_keras_file(path: str | os.PathLike[str]) -> list[str]:
    """Raises an error if a `.keras` file is damaged, or not safe to load.

    Reads the file once and creates no object from it. The archive may hold only the
    complete members that Keras writes, under plain names; its configuration may name
    only classes that are registered with Keras, or Keras' own layers, losses and the
    like; its weights must be arrays that are stored in the file. Whether the weights
    fit the configuration is checked by loading.

    Import the modules that register the classes first: `longkeras.models`, and your
    own.

    Args:
        path: str or path. The file.

    Returns:
        list of str: the paths of the arrays among its weights.

    Raises:
        CheckpointError: If a check fails. The message names the file and the member,
            array or class.

    Example:

    ```python
    import keras
    from longkeras.safe_files import check_keras_file

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save("plain.keras")
    check_keras_file("plain.keras")
    ```
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return _check(file)
    except CheckpointError as error:
        raise CheckpointError(f"{error} Received: path={path}") from error
    except _ARCHIVE_ERRORS as error:
        raise CheckpointError(
            "The file is not a `.keras` archive: it is of another kind, or it was "
            f"cut short or damaged: {error}. Received: path={path}"
        ) from error


def _check(file: IO[bytes]) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        _check_members(archive, file.seek(0, os.SEEK_END))
        _check_content(archive)
        for name in (_CONFIG, _METADATA):
            with archive.open(name) as content:
                configuration = content.read(MAX_JSON_BYTES + 1)
            value = read_configuration(configuration, name)
            check_classes(value, name)
            check_sizes(value, archive.getinfo(_WEIGHTS).file_size, name)
        with _member_file(archive, file, _WEIGHTS) as weights:
            return check_weights(weights, _WEIGHTS)


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive with members that Keras would not write, by its directory."""
    members = archive.infolist()
    names = [member.filename for member in members]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise CheckpointError(
            f"The archive holds no {', '.join(missing)}, so it is not a saved model."
        )
    if len(members) > _MAX_MEMBERS:
        raise CheckpointError(
            f"The archive holds {len(members)} members; {_MAX_MEMBERS} are allowed."
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise CheckpointError(f"The archive holds {twice[0]!r} more than once.")
    for member in members:
        _check_member(member)
    _check_sizes(members, size)


def _check_content(archive: zipfile.ZipFile) -> None:
    """Read every member once, which compares its checksum."""
    for member in archive.infolist():
        try:
            with archive.open(member) as content:
                while content.read(_CHUNK):
                    pass
        except _ARCHIVE_ERRORS as error:
            raise CheckpointError(
                f"The archive is damaged: the checksum of {member.filename} is wrong, "
                f"or it cannot be read: {error}"
            ) from error


@contextmanager
def _member_file(
    archive: zipfile.ZipFile, file: IO[bytes], name: str
) -> Iterator[IO[bytes]]:
    """A member as a seekable file: a window on the archive, or an unpacked copy."""
    member = archive.getinfo(name)
    if member.compress_type == zipfile.ZIP_STORED:
        file.seek(member.header_offset)
        lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        start = member.header_offset + _LOCAL_HEADER.size + sum(lengths)
        yield io.BufferedReader(_Window(file, start, member.file_size))
        return
    with tempfile.TemporaryFile() as copy, archive.open(member) as content:
        while chunk := content.read(_CHUNK):
            copy.write(chunk)
        yield copy


class _Window(io.RawIOBase):
    """A range of a file's bytes, as a file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size = file, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        left = max(0, self._size - self._position)
        self._file.seek(self._start + self._position)
        content = self._file.read(min(len(buffer), left))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if not _is_proper_name(name):
        raise CheckpointError(
            f"The archive holds a member that is none of a saved model: {name!r}."
        )
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise CheckpointError(f"The archive's {name!r} is encrypted or packed oddly.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
        raise CheckpointError(f"The archive's {name!r} is a link or a device.")


def _is_proper_name(name: str) -> bool:
    if name in _NEEDED:
        return True
    if not name.startswith(_ASSETS) or "\\" in name or ":" in name:
        return False
    parts = name.removesuffix("/").split("/")
    return not any(part in ("", ".", "..") for part in parts)


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    excess = sum(
        max(0, member.file_size - _MAX_EXPANSION * member.compress_size)
        for member in members
    )
    packed = sum(member.compress_size for member in members)
    if excess > _FREE_EXPANSION or packed > size:
        declared = sum(member.file_size for member in members)
        raise CheckpointError(
            f"The archive of {size} bytes says that it holds {declared}: it would "
            "expand without measure."
        )
    by_place = sorted(members, key=lambda member: member.header_offset)
    for one, next_one in itertools.pairwise(by_place):
        end = one.header_offset + _LOCAL_HEADER.size + one.compress_size
        if end > next_one.header_offset:
            raise CheckpointError(
                f"The archive's {one.filename!r} and {next_one.filename!r} overlap."
            )
