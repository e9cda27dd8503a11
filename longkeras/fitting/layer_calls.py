"""Observation of the outputs of a model's layers, in the order they run."""

import contextlib

import keras

from longkeras.layers.parts import parts_of


@contextlib.contextmanager
def watched_calls(model, seen):
    """Context in which `seen(layer, outputs)` is called for each layer inside a model.

    A layer's parts come before the layer itself, since they finish before it.
    """
    layers = [*parts_of(model), model]
    for layer in layers:
        layer.call = _watched(layer, layer.call, seen)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _watched(layer, call, seen):
    def watched(*args, **kwargs):
        outputs = call(*args, **kwargs)
        seen(layer, outputs)
        return outputs

    # Keras reads the names of the arguments that a call takes.
    watched.__wrapped__ = call
    return watched


def float_tensors(structure):
    """The floating-point tensors in a nested structure."""
    return [
        each
        for each in keras.tree.flatten(structure)
        if hasattr(each, "dtype")
        and "float" in keras.backend.standardize_dtype(each.dtype)
    ]
