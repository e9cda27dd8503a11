"""What a `.keras` archive may be, before anything in it is used."""

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
from typing import IO, Any

from longkeras.checkpoint_error import CheckpointError

CONFIG_MEMBER = "config.json"
METADATA_MEMBER = "metadata.json"
WEIGHTS_MEMBER = "model.weights.h5"
_NEEDED = (CONFIG_MEMBER, METADATA_MEMBER, WEIGHTS_MEMBER)
_ASSETS = "assets/"
_MAX_MEMBERS = 10_000
# Keras stores members as they are; somebody may have packed the file again.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_EXPANSION = 100
# Beyond that factor, for all members together: zeros pack better than anything.
_FREE_EXPANSION = 64 * 2**20
_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<26xHH")
_CHUNK = 2**20

# What `zipfile` raises for archives that are not what they should be.
ARCHIVE_ERRORS = (
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


def check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Raises an error if an archive holds what Keras would not write into one.

    Reads the table of contents only.

    Args:
        archive: `zipfile.ZipFile`.
        size: int. Bytes of the file.

    Raises:
        CheckpointError: If a member is missing, twice there, encrypted, a link, or
            of another name, or if the members expand to far more than they take.
    """
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


def check_content(archive: zipfile.ZipFile) -> None:
    """Reads every member once, so that its checksum is compared.

    Args:
        archive: `zipfile.ZipFile`.

    Raises:
        CheckpointError: If a member is damaged.
    """
    for member in archive.infolist():
        try:
            with archive.open(member) as content:
                while content.read(_CHUNK):
                    pass
        except ARCHIVE_ERRORS as error:
            raise CheckpointError(
                f"The archive is damaged: the checksum of {member.filename} is wrong, "
                f"or it cannot be read: {error}"
            ) from error


@contextmanager
def member_file(
    archive: zipfile.ZipFile, file: IO[bytes], name: str
) -> Iterator[IO[bytes]]:
    """A member as a file of its own, in which one can go back and forth.

    Args:
        archive: `zipfile.ZipFile`.
        file: The open file that the archive is read from.
        name: str. The member.

    Yields:
        A binary file: a window on the archive, or an unpacked copy.
    """
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
    """Some bytes of a file, as a file."""

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
