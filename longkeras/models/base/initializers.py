"""First weights of a model, and models that need none since theirs are loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
from keras import ops

_are_loaded = ContextVar("longkeras_weights_are_loaded", default=False)


@contextmanager
def weights_to_be_loaded() -> Iterator[None]:
    """While it lasts, models are made with zeros where random numbers would be.

    For who gives every weight its value at once: a base model has 150 million, and
    to draw them takes longer than to read them.
    """
    token = _are_loaded.set(True)
    try:
        yield
    finally:
        _are_loaded.reset(token)


@keras.saving.register_keras_serializable(package="longkeras")
class FirstWeights(keras.initializers.RandomNormal):
    """Normal numbers, or zeros inside `weights_to_be_loaded`."""

    def __call__(self, shape, dtype=None):
        if _are_loaded.get():
            return ops.zeros(shape, dtype)
        return super().__call__(shape, dtype)
