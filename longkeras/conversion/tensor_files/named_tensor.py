"""Tensors of checkpoint files, mapped into memory and read on demand."""

import mmap
from collections.abc import Callable
from dataclasses import dataclass, replace
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
        read: function without arguments that returns the values, a `numpy.ndarray`.
            For a file it is a read-only view of the mapped file.
        path: The file that holds it, or None.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]
    path: Path | None = None

    def changed(
        self, shape: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]
    ) -> "NamedTensor":
        """A float32 tensor that `change` computes from this one when it is read."""

        def read() -> np.ndarray:
            return change(np.array(self.read(), "float32"))

        return replace(self, shape=shape, dtype=np.dtype("float32"), read=read)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse another shape than this one, and values that are not real numbers."""
        if self.shape != shape:
            raise CheckpointError(
                f"The tensor has shape {self.shape}, and by config.json {shape}. "
                f"Received: path={self.path}, tensor={self.name}"
            )
        if self.dtype.kind not in "fV" or self.dtype.itemsize < 2:
            raise CheckpointError(
                f"The tensor holds {self.dtype}, and a weight holds real numbers. "
                f"Received: path={self.path}, tensor={self.name}"
            )


Tensors = dict[str, NamedTensor]


def map_file(path: Path) -> mmap.mmap:
    """Map a file for reading. The map is closed with the last view of it."""
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The file cannot be read: {error}. Received: path={path}"
        ) from error
