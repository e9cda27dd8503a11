"""What PyTorch's pickles say of tensors: storages, and views of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.pickle_machine import PickleMachine, PickleName
from longkeras.conversion.tensor_files.safetensors_reader import MAX_DIMENSIONS

STORAGE_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the file that tensors are cut from."""

    key: str
    dtype: np.dtype
    size: int

    @property
    def num_bytes(self) -> int:
        return self.size * self.dtype.itemsize


@dataclass(frozen=True)
class StoredView:
    """A tensor: where it starts in its storage, and how it walks through it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fits(self) -> bool:
        """Whether it stays inside its storage, and is no larger."""
        numbers = (self.offset, *self.shape, *self.strides)
        if not all(type(number) is int and number >= 0 for number in numbers):
            return False
        if len(self.shape) != len(self.strides) or len(self.shape) > MAX_DIMENSIONS:
            return False
        if math.prod(self.shape) == 0:
            return self.offset <= self.storage.size
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        # A stride of zero would make a small storage a tensor of any size.
        return last < self.storage.size and math.prod(self.shape) <= self.storage.size

    def of(self, values: np.ndarray) -> np.ndarray:
        """The tensor, of its storage's numbers."""
        if math.prod(self.shape) == 0:
            return np.empty(self.shape, values.dtype)
        strides = [stride * values.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, strides, writeable=False
        )


class StateDictionary:
    """Reads the pickle of a state dictionary.

    Args:
        path: path. The file, for messages.
    """

    def __init__(self, path: Path):
        self.path = path
        self.storages: dict[str, Storage] = {}
        names = {
            "collections OrderedDict": PickleName(_empty_dictionary),
            "torch._utils _rebuild_parameter": PickleName(_parameter),
            "torch._utils _rebuild_tensor_v2": PickleName(self._tensor),
        }
        for name, dtype in STORAGE_DTYPES.items():
            names[f"torch {name}"] = PickleName(None, dtype)
        self._names = names

    def run(self, file: Any) -> Any:
        """The value of the pickle that starts where `file` stands."""
        return PickleMachine(self._names, self._storage, self.path).run(file)

    def tensors(
        self, state: Any, values_of: Callable[[Storage], np.ndarray]
    ) -> dict[str, NamedTensor]:
        """The tensors of a state dictionary that `run` has read.

        Args:
            state: what `run` gave.
            values_of: function that gives a storage's numbers.

        Returns:
            dict of `NamedTensor` by name.

        Raises:
            CheckpointError: If it holds anything but tensors.
        """
        if type(state) is not dict or not state:
            raise CheckpointError(
                f"The file holds no state dictionary. Received: path={self.path}"
            )
        return {
            name: self._named_tensor(name, view, values_of)
            for name, view in state.items()
        }

    def _named_tensor(
        self, name: str, view: Any, values_of: Callable[[Storage], np.ndarray]
    ) -> NamedTensor:
        if not isinstance(view, StoredView):
            raise CheckpointError(
                "The state dictionary must hold tensors only. "
                f"Received: path={self.path}, {name[:200]!r} is a {type(view).__name__}"
            )
        if not view.fits():
            raise CheckpointError(
                f"The tensor does not lie in its storage: {str(view)[:300]}. "
                f"Received: path={self.path}, tensor={name[:200]!r}"
            )
        return NamedTensor(
            name,
            view.storage.dtype,
            view.shape,
            lambda: view.of(values_of(view.storage)),
            self.path,
        )

    def _storage(self, persistent_id: Any) -> Storage:
        kind, storage_type, key, _, size, *view = persistent_id
        if kind != "storage" or view not in ([], [None]):
            raise ValueError("a storage is of an unknown kind")
        if type(key) is not str or type(size) is not int or size < 0:
            raise ValueError("a storage has no key or no size")
        storage = Storage(key, _storage_dtype(storage_type), size)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"storage {key[:80]} has two sizes or types")
        return storage

    def _tensor(
        self,
        storage: Any,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        requires_grad: bool,
        backward_hooks: dict[str, Any],
        metadata: Any = None,
    ) -> StoredView:
        if not isinstance(storage, Storage) or metadata:
            raise TypeError("a tensor is not made of a storage alone")
        return StoredView(storage, offset, tuple(shape), tuple(strides))


def _storage_dtype(storage_type: Any) -> np.dtype:
    if not isinstance(storage_type, PickleName) or storage_type.value is None:
        raise TypeError("a storage has no type")
    return storage_type.value


def _empty_dictionary() -> dict[str, Any]:
    return {}


def _parameter(
    data: StoredView, requires_grad: bool, backward_hooks: dict[str, Any]
) -> StoredView:
    return data
