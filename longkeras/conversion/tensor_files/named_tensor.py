"""Tensors that are read when their values are wanted, and files mapped for them."""

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longkeras.checkpoint_error import CheckpointError


@dataclass(frozen=True)
class NamedTensor:
    """Name, shape and dtype of a tensor whose values are read on demand.

    Attributes:
        name: str. As it is stored in the file.
        dtype: `numpy.dtype`.
        shape: tuple of int.
        read: function without arguments that gives the values, a `numpy.ndarray`;
            of a file that is a view of the mapped file, and is not to be written to.
        path: The file that holds it, or None.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]
    path: Path | None = None


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
