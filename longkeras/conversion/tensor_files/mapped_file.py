"""A file as memory: only the pages that are looked at are read."""

import mmap
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError


def map_file(path: Path) -> mmap.mmap:
    """Maps a file for reading.

    Args:
        path: path.

    Returns:
        `mmap.mmap`: closes itself when the last view of it is gone.

    Raises:
        CheckpointError: If the file cannot be opened, or is empty.
    """
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The file cannot be read: {error}. Received: path={path}"
        ) from error
