"""One tensor of a file, or one to be written to it, not read yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class NamedTensor:
    """What is known of a tensor before its values are wanted.

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
