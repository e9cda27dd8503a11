"""The bytes of a file as ids, read where they are asked for."""

import os

import numpy as np

from longkeras.text.byte_vocabulary import byte_ids


class FileIds:
    """A file that reads like a row of byte ids, of which nothing is kept.

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
