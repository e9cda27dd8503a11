"""Mappings between tensors of a Hugging Face checkpoint and weights of a model.

A family's table is a list of `WeightMapping`, used for reading and for writing.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

_STRIP_ROWS = 64


@dataclass(frozen=True)
class WeightMapping:
    """One tensor and one weight.

    Attributes:
        tensor: str. The canonical name of the tensor.
        layer: str. Attributes and indices that lead from the model to a layer,
            separated by dots.
        weight: str. The end of the weight's path in that layer.
        transposed: bool. Whether the tensor is the transposed weight: PyTorch's linear
            layers store outputs first. Defaults to `False`.
        output_axes: int. How many of the weight's last axes are outputs. The layers of
            KerasHub's attention have two, heads and head size, which the tensor
            joins. Defaults to `1`.
    """

    tensor: str
    layer: str
    weight: str
    transposed: bool = False
    output_axes: int = 1

    def in_task(self) -> "WeightMapping":
        """The same mapping for a task that holds the backbone."""
        return replace(self, layer=f"backbone.{self.layer}")

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
        """The shape that the tensor must have for this model."""
        shape = tuple(self.variable(model).shape)
        if not self.transposed and self.output_axes == 1:
            return shape
        inputs, outputs = shape[: -self.output_axes], shape[-self.output_axes :]
        return (math.prod(outputs), *([math.prod(inputs)] if inputs else []))

    def assign(self, model: Any, values: np.ndarray) -> None:
        """Set the model's weight to the tensor's values."""
        variable = self.variable(model)
        # A copy: a backend may keep the array it is given, which may be a mapped file.
        values = self._turned(values).reshape(variable.shape)
        variable.assign(keras.ops.cast(values, variable.dtype))

    def values(self, model: Any) -> np.ndarray:
        """The tensor's values, float32, from the model's weight."""
        # A dense layer's `kernel` includes its low-rank update; its variable does not.
        layer, is_kernel = self._layer(model), self.weight == "kernel"
        weight = layer.kernel if is_kernel else self.variable(model)
        values = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        shape = self.shape(model)
        return self._turned(values.reshape(shape[::-1] if self.transposed else shape))

    def _layer(self, model: Any) -> Any:
        found = model
        for step in self.layer.split("."):
            found = found[int(step)] if step.isdecimal() else getattr(found, step)
        return found

    def _turned(self, values: np.ndarray) -> np.ndarray:
        if not self.transposed:
            return np.array(values, "float32")
        # A few rows at a time, which stay in the cache: ten times as fast.
        strips = [
            values[start : start + _STRIP_ROWS].T
            for start in range(0, len(values), _STRIP_ROWS)
        ]
        return np.concatenate(strips, axis=1, dtype="float32", casting="unsafe")


def dense_weights(
    tensor: str, layer: str, part: str = "", output_axes: int = 1
) -> list[WeightMapping]:
    """Kernel and bias of a dense layer.

    Args:
        tensor: str. Name of the linear layer in the checkpoint.
        layer: str. See `WeightMapping`.
        part: str. Path from `layer` to the dense layer, which ends in a slash.
            Defaults to `""`, the layer itself.
        output_axes: int. See `WeightMapping`. Defaults to `1`.

    Returns:
        list of `WeightMapping`.
    """
    kernel, bias = f"{part}kernel", f"{part}bias"
    return [
        WeightMapping(f"{tensor}.weight", layer, kernel, True, output_axes),
        WeightMapping(f"{tensor}.bias", layer, bias, output_axes=output_axes),
    ]


def norm_weights(tensor: str, layer: str, part: str = "") -> list[WeightMapping]:
    """Scale and offset of a layer normalization; see `dense_weights`."""
    return [
        WeightMapping(f"{tensor}.weight", layer, f"{part}gamma"),
        WeightMapping(f"{tensor}.bias", layer, f"{part}beta"),
    ]
