"""The device of the backend."""

import functools

import keras


@functools.cache
def runs_on_cpu():
    """Return whether the backend computes on a CPU."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if backend == "tensorflow":
        import tensorflow as tf

        return not tf.config.list_logical_devices("GPU")
    import torch

    return not torch.cuda.is_available()
