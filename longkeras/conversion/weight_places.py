"""Where a tensor of a Hugging Face checkpoint has its place in a model of ours.

A family's table is a list of `WeightPlace`, read in both directions.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

_STRIP_ROWS = 64


@dataclass(frozen=True)
class WeightPlace:
    """One tensor and one weight.

    Attributes:
        tensor: str. Hugging Face's name.
        layer: str. Ours: attributes and indices from the model to a layer, with dots.
        weight: str. The end of the weight's path in that layer.
        transposed: bool. Whether the two are each other's transpose: PyTorch's linear
            layers have outputs first. Defaults to `False`.
    """

    tensor: str
    layer: str
    weight: str
    transposed: bool = False

    def variable(self, model: Any) -> Any:
        """The `keras.Variable` of a model."""
        ending = f"/{self.weight}"
        for variable in self._layer(model).weights:
            is_float = keras.backend.is_float_dtype(variable.dtype)
            if is_float and f"/{variable.path}".endswith(ending):
                return variable
        raise ValueError(
            "A weight of the model has no counterpart in a checkpoint, as where it is "
            f"quantized. Received: layer={self.layer}, weight={self.weight}"
        )

    def shape(self, model: Any) -> tuple[int, ...]:
        """The tensor's shape, by the model's weight."""
        shape = tuple(self.variable(model).shape)
        return shape[::-1] if self.transposed else shape

    def assign(self, model: Any, values: np.ndarray) -> None:
        """Gives the model's weight the tensor's values."""
        variable = self.variable(model)
        # A copy, since a backend may keep what it is given, and that may be a file.
        values = self._turned(values)
        variable.assign(keras.ops.cast(values, variable.dtype))

    def values(self, model: Any) -> np.ndarray:
        """The tensor's values, float32, from the model's weight."""
        # A dense layer's `kernel` has a low-rank adaptation in it, its variable not.
        layer, is_kernel = self._layer(model), self.weight == "kernel"
        weight = layer.kernel if is_kernel else self.variable(model)
        values = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        return self._turned(values)

    def _layer(self, model: Any) -> Any:
        found = model
        for step in self.layer.split("."):
            found = found[int(step)] if step.isdecimal() else getattr(found, step)
        return found

    def _turned(self, values: np.ndarray) -> np.ndarray:
        if not self.transposed:
            return np.array(values, "float32")
        # Some rows at a time, which stay in the cache: ten times as fast.
        strips = [
            values[start : start + _STRIP_ROWS].T
            for start in range(0, len(values), _STRIP_ROWS)
        ]
        return np.concatenate(strips, axis=1, dtype="float32", casting="unsafe")


def dense_places(tensor: str, layer: str) -> list[WeightPlace]:
    """Kernel and bias of a dense layer.

    Args:
        tensor: str. Hugging Face's name of the linear layer.
        layer: str. See `WeightPlace`.

    Returns:
        list of `WeightPlace`.
    """
    return [
        WeightPlace(f"{tensor}.weight", layer, "kernel", transposed=True),
        WeightPlace(f"{tensor}.bias", layer, "bias"),
    ]


def norm_places(tensor: str, layer: str) -> list[WeightPlace]:
    """Scale and offset of a layer normalization.

    Args:
        tensor: str. Hugging Face's name of the norm.
        layer: str. See `WeightPlace`.

    Returns:
        list of `WeightPlace`.
    """
    return [
        WeightPlace(f"{tensor}.weight", layer, "gamma"),
        WeightPlace(f"{tensor}.bias", layer, "beta"),
    ]
