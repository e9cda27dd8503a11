"""BERT's initializer, which draws no numbers where a checkpoint replaces them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
from keras import ops

_are_loaded = ContextVar("longkeras_weights_are_loaded", default=False)


@contextmanager
def weights_to_be_loaded() -> Iterator[None]:
    """Context in which weights begin as zeros, for callers that assign all of them.

    Drawing the 150 million weights of a base model takes longer than reading them.
    """
    token = _are_loaded.set(True)
    try:
        yield
    finally:
        _are_loaded.reset(token)


# The name that version 0.1 registered, which saved models contain.
@keras.saving.register_keras_serializable(package="longkeras", name="FirstWeights")
class SkippableRandomNormal(keras.initializers.RandomNormal):
    """Normal initializer that gives zeros inside `weights_to_be_loaded`."""

    def __call__(self, shape, dtype=None):
        if _are_loaded.get():
            return ops.zeros(shape, dtype)
        return super().__call__(shape, dtype)


def layer_initializer(seed, index):
    """Return BERT's initializer for the layer `index` of a model with a `seed`."""
    seed = None if seed is None else 1000 * (seed + 1) + index
    return SkippableRandomNormal(stddev=0.02, seed=seed)
