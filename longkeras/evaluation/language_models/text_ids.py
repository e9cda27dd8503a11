"""Texts in any form as byte ids."""

import os
from typing import Any

import numpy as np

from longkeras.text.byte_vocabulary import byte_ids


class FileIds:
    """A file that is sliced like an array of byte ids, and never held in memory.

    Args:
        path: path. A file of any size; its bytes are the text.

    Raises:
        FileNotFoundError: If there is no such file.
    """

    ndim = 1
    dtype = np.dtype(np.uint16)

    def __init__(self, path):
        self.path = os.fspath(path)
        self._length = os.stat(self.path).st_size

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        start, stop, _ = index.indices(self._length)
        # Unbuffered: a mapped file would count as memory of this process.
        with open(self.path, "rb", buffering=0) as file:
            file.seek(start)
            return byte_ids(file.read(max(0, stop - start)))


def as_ids(text):
    """Convert a text in any form to ids.

    Args:
        text: str, bytes, `os.PathLike`, `FileIds` or int array of shape (length,).

    Returns:
        int array of shape (length,), or `FileIds` for a path.

    Raises:
        ValueError: If it is empty or not one row of integers.
    """
    ids: Any
    if isinstance(text, FileIds):
        ids = text
    elif isinstance(text, os.PathLike):
        ids = FileIds(text)
    elif isinstance(text, (str, bytes)):
        ids = byte_ids(text)
    else:
        ids = np.asarray(text)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            "`text` must be a string, bytes or one row of integer ids. Received: "
            f"an array of {ids.ndim} dimensions and type {ids.dtype}"
        )
    if len(ids) == 0:
        raise ValueError("`text` must not be empty. Received: no bytes")
    return ids
