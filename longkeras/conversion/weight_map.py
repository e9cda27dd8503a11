"""Mappings between tensors of a Hugging Face checkpoint and weights of a model.

A family's table is a list of `WeightMapping`, which the reader and the writer share.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np

from longkeras.conversion.tensor_files.named_tensor import NamedTensor

_STRIP_ROWS = 64


@dataclass(frozen=True)
class WeightMapping:
    """The mapping between one tensor and one weight.

    Attributes:
        tensor: str. The canonical name of the tensor.
        layer: str. Attributes and indices that lead from the model to a layer,
            separated by dots.
        weight: str. The end of the weight's path in that layer.
        transposed: bool. Whether the tensor is the transposed weight: PyTorch's linear
            layers store outputs first. Defaults to `False`.
        output_axes: int. Number of the weight's last axes that are outputs. KerasHub's
            attention has two, heads and head size, which are one axis of the tensor.
            Defaults to `1`.
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
        """The weight as a `keras.Variable` of a model."""
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
        """The shape of the tensor for this model."""
        shape = tuple(self.variable(model).shape)
        if not self.transposed and self.output_axes == 1:
            return shape
        inputs, outputs = shape[: -self.output_axes], shape[-self.output_axes :]
        return (math.prod(outputs), *([math.prod(inputs)] if inputs else []))

    def assign(self, model: Any, tensor: NamedTensor) -> None:
        """Set the model's weight to the values of a tensor of the same shape."""
        tensor.check_shape(self.shape(model))
        variable = self.variable(model)
        # A copy: a backend may keep the array it is given, which may be a mapped file.
        copied = _transposed if self.transposed else partial(np.array, dtype="float32")
        values = copied(tensor.read()).reshape(variable.shape)
        variable.assign(keras.ops.cast(values, variable.dtype))

    def tensor_of(self, model: Any, name: str | None = None) -> NamedTensor:
        """The model's weight as a float32 tensor, which has another name if given."""
        return NamedTensor(
            name or self.tensor,
            np.dtype("float32"),
            self.shape(model),
            lambda: self.values(model),
        )

    def values(self, model: Any) -> np.ndarray:
        """The tensor's values, float32, from the model's weight."""
        # A dense layer's `kernel` includes its low-rank update; its variable does not.
        layer, is_kernel = self._layer(model), self.weight == "kernel"
        weight = layer.kernel if is_kernel else self.variable(model)
        values = keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        if not self.transposed:  # Without a copy, which may be the largest table's.
            return values.reshape(self.shape(model))
        return _transposed(values.reshape(self.shape(model)[::-1]))

    def _layer(self, model: Any) -> Any:
        found = model
        for step in self.layer.split("."):
            found = found[int(step)] if step.isdecimal() else getattr(found, step)
        return found


def _transposed(values: np.ndarray) -> np.ndarray:
    """The float32 transpose, in strips of rows for the cache: ten times as fast."""
    starts = range(0, len(values), _STRIP_ROWS)
    strips = [values[start : start + _STRIP_ROWS].T for start in starts]
    return np.concatenate(strips, axis=1, dtype="float32", casting="unsafe")


def dense_weights(
    tensor: str, layer: str, part: str = "", output_axes: int = 1
) -> list[WeightMapping]:
    """The mappings of a dense layer at the path `part` inside `layer`."""
    kernel, bias = f"{part}kernel", f"{part}bias"
    return [
        WeightMapping(f"{tensor}.weight", layer, kernel, True, output_axes),
        WeightMapping(f"{tensor}.bias", layer, bias, output_axes=output_axes),
    ]


def norm_weights(tensor: str, layer: str, part: str = "") -> list[WeightMapping]:
    """The mappings of a layer normalization; see `dense_weights`."""
    return [
        WeightMapping(f"{tensor}.weight", layer, f"{part}gamma"),
        WeightMapping(f"{tensor}.bias", layer, f"{part}beta"),
    ]
