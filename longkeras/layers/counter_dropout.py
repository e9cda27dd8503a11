"""Dropout with counter-based random numbers."""

import math

import keras
from keras import ops

from longkeras.ops.attention.dropout import draw_seed, kept, key_numbers, query_numbers


@keras.saving.register_keras_serializable(package="longkeras")
class CounterDropout(keras.layers.Dropout):
    """`keras.layers.Dropout` with counter-based random numbers.

    A 32-bit hash of the call's seed and the element's index decides whether an element
    is kept, as in the dropout of attention weights. Equal seeds drop the same elements
    on TensorFlow, JAX and PyTorch. With XLA on a CPU, Keras' generator costs more than
    the matrix products around it; this one costs almost nothing.

    Args:
        rate: float in [0, 1]. Fraction of the elements to drop in training; the others
            are scaled by `1 / (1 - rate)`.
        noise_shape: tuple, the shape of the dropout mask, with None for the size of the
            inputs: `(None, 1, None)` drops a feature at all time steps. Defaults to
            `None`, the shape of the inputs.
        seed: int. Seed of the first call. Defaults to `None`, drawn at random.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape.
        training: bool. Whether to drop out. Defaults to `False`.

    Returns:
        Tensor like `inputs`.

    Raises:
        ValueError: If the rate is not in [0, 1].

    Example:

    ```python
    import numpy as np
    from longkeras.layers import CounterDropout

    layer = CounterDropout(0.5, seed=0)
    dropped = np.array(layer(np.ones((100, 100), "float32"), training=True))
    assert set(dropped.ravel()) == {0.0, 2.0}
    assert 0.45 < np.mean(dropped == 0.0) < 0.55
    ```

    Reference:
        [Parallel Random Numbers: As Easy as 1, 2, 3](https://doi.org/10.1145/2063384.2063405)
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        seed = draw_seed(self.seed_generator)
        return dropped(inputs, seed, self.rate, self._drawn_shape(inputs))

    def _drawn_shape(self, inputs):
        sizes = ops.shape(inputs)
        if self.noise_shape is None:
            return sizes
        given = zip(self.noise_shape, sizes, strict=True)
        return tuple(size if noise is None else noise for noise, size in given)


def dropped(inputs, seed, rate, shape=None):
    """Apply the dropout of `CounterDropout` to a tensor.

    Args:
        inputs: float tensor.
        seed: int32 scalar tensor from `longkeras.ops.attention.dropout.draw_seed`.
        rate: float in (0, 1).
        shape: tuple, the shape of the mask. Defaults to `None`, that of `inputs`.

    Returns:
        Tensor like `inputs`.
    """
    shape = ops.shape(inputs) if shape is None else shape
    # For the hash, every row is a text of one token.
    first = ops.zeros((1,), dtype="int32")
    rows = query_numbers(seed, _product(shape[:-1]), first, num_heads=1)
    columns = key_numbers(ops.arange(shape[-1], dtype="int32"))
    stays = ops.reshape(kept(rows, columns, rate), shape)
    scaled = inputs * ops.cast(1.0 / (1.0 - rate), inputs.dtype)
    return ops.where(stays, scaled, ops.zeros_like(scaled))


def _product(sizes):
    if all(isinstance(size, int) for size in sizes):
        return math.prod(sizes)
    return ops.prod(ops.stack(sizes))
