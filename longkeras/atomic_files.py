"""Files and folders that are replaced atomically.

New content is written beside the old one, flushed to the disk, and moved to its place
in one step: a reader finds the old or the new content, also after a crash, a kill or a
full disk.
"""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Linux: `renameat2` of paths relative to the working folder, exchanging the two.
_WORKING_FOLDER = -100
_EXCHANGE = 2
_NO_SPACE = (errno.EDQUOT, errno.EFBIG, errno.ENOSPC)


@contextmanager
def replaced_file(
    path: str | os.PathLike[str], needed_bytes: int = 0
) -> Iterator[Path]:
    """Yield the path of a new file, which replaces `path` at the end.

    It has the same name and is in an empty folder beside `path`. Files written into
    that folder under other names, such as the shards of large weights, move too, each
    in one step; the named file moves last, since it names the others. Raises an
    `OSError` if there are fewer than `needed_bytes` of free space.
    """
    path = Path(os.path.realpath(path))
    with _workshop(path, needed_bytes) as workshop:
        yield workshop / path.name
        written = sorted(workshop.iterdir(), key=lambda each: each.name == path.name)
        for each in written:
            if path.exists():
                shutil.copymode(path, each)
            _flush_to_disk(each)
        for each in written:
            os.replace(each, path.parent / each.name)
        _flush_to_disk(path.parent)


@contextmanager
def replaced_folder(
    path: str | os.PathLike[str],
    is_kept: Callable[[Path, Path], bool],
    needed_bytes: int = 0,
) -> Iterator[Path]:
    """Yield the path of a new, empty folder, which replaces `path` at the end.

    `is_kept(new_folder, entry)` tells whether an entry of the old folder, by its path
    in it, is carried over where the new folder has none of that name. On Linux the two
    folders are exchanged in one step. Elsewhere the old one is moved aside first: a
    kill between the two moves leaves it beside `path`, under a name that starts with a
    dot and ends in `.old`.
    """
    path = Path(os.path.realpath(path))
    with _workshop(path, needed_bytes) as workshop:
        written = workshop / path.name
        written.mkdir()
        yield written
        if path.is_dir():
            _carry_over(path, written, Path(), is_kept)
            shutil.copymode(path, written)
        _flush_to_disk(*written.rglob("*"), written)
        if not _exchange(written, path):
            _move_in(written, path)
        _flush_to_disk(path.parent)


class AtomicPreset:
    """Mixin that saves a tokenizer or preprocessor atomically.

    Must precede the KerasHub class in the bases. KerasHub overwrites one file after
    another: a full disk or a kill between two leaves a vocabulary that does not match
    the configuration.
    """

    def save_to_preset(self, preset_dir: str | os.PathLike[str]) -> None:
        """Saves into a preset folder; see `keras_hub.models.Preprocessor`.

        Other files in the folder, such as a model's weights, stay. The new folder is
        written beside the old one, and exchanged with it when it is complete.
        """
        with replaced_folder(preset_dir, lambda new, place: True) as place:
            super().save_to_preset(str(place))  # type: ignore[misc]


@contextmanager
def _workshop(path: Path, needed_bytes: int) -> Iterator[Path]:
    """A temporary folder on the same file system, where a move is a single step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    workshop = tempfile.mkdtemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        _check_space(Path(workshop), needed_bytes)
        yield Path(workshop)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _check_space(folder: Path, needed_bytes: int) -> None:
    """Refuse a file of that size where the disk is too full.

    Checked before writing, because HDF5 1.14.6 may crash the process on a full disk.
    """
    if not needed_bytes or not hasattr(os, "posix_fallocate"):
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, needed_bytes)
        except OSError as error:
            # Some file systems do not support this.
            if error.errno in _NO_SPACE:
                raise


def _carry_over(
    old: Path, new: Path, inside: Path, is_kept: Callable[[Path, Path], bool]
) -> None:
    for entry in (old / inside).iterdir():
        place = inside / entry.name
        if not is_kept(new, place):
            continue
        if entry.is_dir() and not entry.is_symlink():
            (new / place).mkdir(exist_ok=True)
            _carry_over(old, new, place, is_kept)
        elif not (new / place).exists():
            _link_or_copy(entry, new / place)


def _link_or_copy(old: Path, new: Path) -> None:
    try:
        # A hard link, since a program may be writing to the file.
        os.link(old, new, follow_symlinks=False)
    except (NotImplementedError, OSError):
        shutil.copy2(old, new, follow_symlinks=False)


def _exchange(new: Path, old: Path) -> bool:
    """Exchange two folders in one step; return whether the system can."""
    if sys.platform != "linux" or not old.exists():
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    names = os.fsencode(new), os.fsencode(old)
    failed = renameat2(
        _WORKING_FOLDER, names[0], _WORKING_FOLDER, names[1], ctypes.c_uint(_EXCHANGE)
    )
    return not failed


def _move_in(new: Path, old: Path) -> None:
    if not old.exists():
        os.replace(new, old)
        return
    # Outside the workshop: should both moves fail, the old content is still there.
    aside = new.parent.with_name(f"{new.parent.name}.old")
    os.replace(old, aside)
    try:
        os.replace(new, old)
    except OSError:
        os.replace(aside, old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _flush_to_disk(*paths: Path) -> None:
    """Return when the content of these files and folders is on the disk."""
    for path in paths:
        if path.is_symlink() or (os.name == "nt" and path.is_dir()):
            continue  # A link has no content, and Windows cannot open folders.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
