"""What the layers of a model return, seen from outside, in the order they run."""

import contextlib

import keras

from longkeras.layers.parts import parts_of


@contextlib.contextmanager
def watched_calls(model, seen):
    """Tells what each layer inside a model returns, while the context lasts.

    A layer's parts are told before the layer itself, since they are done before it.

    Args:
        model: `keras.Model`.
        seen: function of a layer and of what it returned.
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
    """The tensors of a float type in a nest of lists and dicts.

    Args:
        structure: a tensor, or a nest of tensors and of what else.

    Returns:
        list of tensors.
    """
    return [
        each
        for each in keras.tree.flatten(structure)
        if hasattr(each, "dtype")
        and "float" in keras.backend.standardize_dtype(each.dtype)
    ]
