"""Prediction of a training step's memory."""

import dataclasses
import math
import os
import pathlib
import re

import keras

from longkeras.fitting.layer_calls import float_tensors, watched_calls

_ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclasses.dataclass(frozen=True)
class MemoryPlan:
    """Predicted memory of a training step, in bytes.

    Args:
        weights: int. Bytes of the weights.
        gradients: int. Bytes of the trainable weights' gradients.
        optimizer: int. Bytes of the optimizer's state.
        layers: dict from a layer's path to the bytes of its outputs, which the backward
            pass needs.
        loss: int. Bytes of the outputs' probabilities and gradients.
        available: int. Free bytes of the machine, or None if unknown.
        times: int. A measured upper bound of a step's memory as a multiple of its
            activations, since tensors inside layers are not predicted. Defaults to `2`.
    """

    weights: int
    gradients: int
    optimizer: int
    layers: dict[str, int]
    loss: int
    available: int | None
    times: int = 2

    @property
    def activations(self):
        """int, bytes of all outputs of layers, and of the loss."""
        return sum(self.layers.values()) + self.loss

    @property
    def total(self):
        """int, all bytes together."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def needed(self):
        """int, bytes that should be free, with `times` the activations."""
        return self.total + (self.times - 1) * self.activations

    @property
    def advice(self):
        """str, advice for a step that does not fit into memory, or empty."""
        if self.available is None or self.needed < self.available:
            return ""
        fixed = self.total - self.activations
        if fixed >= self.available:
            return (
                "Weights, gradients and optimizer alone do not fit: take a smaller "
                "model, or an optimizer with less state than Adam's."
            )
        parts = math.ceil((self.needed - fixed) / (self.available - fixed))
        return (
            "This does not fit. In order of what they cost: build the model inside "
            '`keras.RematScope("list_of_layers", layer_names=[...])` with the names '
            "of its blocks, which are then computed twice; train on batches "
            f"1/{parts} as large with the optimizer's "
            f"`gradient_accumulation_steps={parts}`; or begin with stages of shorter "
            "windows."
        )

    def __str__(self):
        largest = sorted(self.layers.items(), key=lambda item: -item[1])[:3]
        lines = [
            f"memory of a step: {_megabytes(self.total)} = weights "
            f"{_megabytes(self.weights)} + gradients {_megabytes(self.gradients)} + "
            f"optimizer {_megabytes(self.optimizer)} + activations "
            f"{_megabytes(self.activations)}",
            "largest activations: loss "
            + ", ".join(
                [
                    _megabytes(self.loss),
                    *(f"{name} {_megabytes(size)}" for name, size in largest),
                ]
            ),
        ]
        if self.available is not None:
            lines.append(
                f"free: {_megabytes(self.available)}; with what layers keep inside, "
                f"{_megabytes(self.needed)} should be"
            )
        return "\n".join(filter(None, [*lines, self.advice]))


def plan_memory(model, batch):
    """Predict the memory of a training step from the shapes of a batch.

    Nothing is computed: only the shapes of the layers' outputs are inferred. The plan
    includes weights, gradients, the optimizer's state, all outputs of layers, and the
    loss. It does not include the process itself (some hundred megabytes of a backend
    and its compiler), tensors inside attention, and what the compiler saves.

    Args:
        model: compiled `keras.Model`.
        batch: `(x, y, ...)`, as passed to `fit`. Only the shapes of `x` are read.

    Returns:
        `MemoryPlan`.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import plan_memory

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    model.compile("adam", "mse")
    plan = plan_memory(model, (np.ones((2, 3), "float32"), np.ones((2, 5))))
    assert plan.weights == plan.gradients == (3 * 5 + 5) * 4
    # What the layer returns, and the loss and its gradient.
    assert plan.activations == (1 + 2) * 2 * 5 * 4
    ```
    """
    model.optimizer.build(model.trainable_variables)
    layers, outputs = {}, []

    def count(layer, returned):
        size = sum(map(_bytes, float_tensors(returned)))
        if layer is model:
            outputs.append(size)
        elif not isinstance(layer, keras.Model):  # Its last layer returned the same.
            name = layer.path or layer.name
            layers[name] = layers.get(name, 0) + size

    inputs = keras.tree.map_structure(
        lambda each: keras.KerasTensor(each.shape, _standard(each)), batch[0]
    )
    with watched_calls(model, count):
        _Traced(model).compute_output_spec(inputs)
    return MemoryPlan(
        weights=sum(map(_bytes, model.weights)),
        gradients=sum(map(_bytes, model.trainable_variables)),
        optimizer=sum(map(_bytes, model.optimizer.variables)),
        layers=layers,
        loss=2 * outputs[-1],  # Probabilities, and the gradient of the logits.
        available=_free_bytes(),
        # Measured in docs/training.md.
        times=4 if model.jit_compile is True else 2,
    )


class _Traced(keras.layers.Layer):
    """Calls a model inside a layer, so that the backend traces all of it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, inputs):
        return self.model(inputs, training=True)


def _standard(array):
    return keras.backend.standardize_dtype(array.dtype)


def _bytes(tensor):
    return math.prod(tensor.shape) * _ITEM_BYTES.get(_standard(tensor), 4)


def _free_bytes():
    """The memory that is free without swapping, or None if unknown."""
    table = pathlib.Path("/proc/meminfo")
    if table.exists():
        # The system frees its caches on demand.
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", table.read_text(), re.M)
        if found:
            return int(found[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _megabytes(size):
    return f"{size / 2**20:,.1f} MiB"
