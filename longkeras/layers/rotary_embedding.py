"""Rotary position embedding."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments


@keras.saving.register_keras_serializable(package="longkeras")
class RotaryEmbedding(keras.layers.Layer):
    """Rotates pairs of features by angles proportional to their position.

    The product of a rotated query and a rotated key depends only on their distance, so
    positions may start anywhere. Feature `i` is paired with `i + head_dim / 2`, as in
    Llama and Mistral.

    Args:
        max_wavelength: float. Base of the frequencies: pair `i` rotates by
            `max_wavelength ** (-2 * i / head_dim)` radians per position. Defaults to
            `10000.0`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, sequence, heads, head_dim)`, `head_dim` even.
        positions: int tensor, `(sequence,)` or `(batch, sequence)`. Defaults to
            `None`, 0, 1, 2 and so on.

    Returns:
        Tensor like `inputs`.

    Raises:
        ValueError: If `max_wavelength` is not positive.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import RotaryEmbedding

    y = RotaryEmbedding()(np.ones((1, 5, 2, 8), "float32"))
    assert tuple(y.shape) == (1, 5, 2, 8)
    ```

    Reference:
        [RoFormer](https://arxiv.org/abs/2104.09864)
    """

    def __init__(self, max_wavelength=10000.0, **kwargs):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.max_wavelength = max_wavelength
        self.built = True

    def call(self, inputs, positions=None):
        if positions is None:
            positions = ops.arange(ops.shape(inputs)[1], dtype="int32")
        half = inputs.shape[-1] // 2
        exponent = ops.arange(half, dtype="float32") / half
        frequency = ops.power(float(self.max_wavelength), -exponent)  # (half,)
        angle = ops.cast(positions, "float32")[..., None] * frequency
        angle = angle[..., None, :]  # (..., sequence, 1, half)
        cosine = ops.cast(ops.cos(angle), inputs.dtype)
        sine = ops.cast(ops.sin(angle), inputs.dtype)
        first, second = inputs[..., :half], inputs[..., half:]
        return ops.concatenate(
            [first * cosine - second * sine, second * cosine + first * sine], axis=-1
        )

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}

    def compute_output_shape(self, input_shape):
        return input_shape
