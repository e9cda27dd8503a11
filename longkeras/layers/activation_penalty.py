"""Activation regularization of recurrent language models."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments


@keras.saving.register_keras_serializable(package="longkeras")
class ActivationPenalty(keras.layers.Layer):
    """Adds AWD-LSTM's activation penalties to the training loss.

    Args:
        activation_penalty: float. Weight of the mean square of the outputs after
            dropout. Defaults to `0.0`.
        slowness_penalty: float. Weight of the mean square of the differences between
            the outputs of neighbouring tokens, before dropout. Defaults to `0.0`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        dropped: float tensor `(batch, sequence, hidden_dim)`, after dropout.
        outputs: the same before dropout.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding, which is
            ignored. Defaults to `None`.
        training: bool. Whether to add to the loss. Defaults to `None`.

    Returns:
        `dropped`, unchanged.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import ActivationPenalty

    layer = ActivationPenalty(activation_penalty=2.0, slowness_penalty=1.0)
    states = np.array([[[1.0], [3.0]]], "float32")
    layer(states, states, training=True)
    assert float(sum(layer.losses)) == 2.0 * (1.0 + 9.0) / 2.0 + (3.0 - 1.0) ** 2
    ```

    Reference:
        [Merity et al., 2017](https://arxiv.org/abs/1708.01009)
    """

    def __init__(self, activation_penalty=0.0, slowness_penalty=0.0, **kwargs):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.activation_penalty = activation_penalty
        self.slowness_penalty = slowness_penalty
        self.supports_masking = True

    def call(self, dropped, outputs, padding_mask=None, training=None):
        if not training or self.activation_penalty == self.slowness_penalty == 0:
            return dropped
        if padding_mask is None:
            padding_mask = ops.ones(ops.shape(outputs)[:2])
        is_real = ops.cast(padding_mask, "bool")
        large = _mean_square(ops.cast(dropped, "float32"), is_real)
        outputs = ops.cast(outputs, "float32")
        both_real = ops.logical_and(is_real[:, 1:], is_real[:, :-1])
        changes = _mean_square(outputs[:, 1:] - outputs[:, :-1], both_real)
        self.add_loss(self.activation_penalty * large + self.slowness_penalty * changes)
        return dropped

    def get_config(self):
        return {
            **super().get_config(),
            "activation_penalty": self.activation_penalty,
            "slowness_penalty": self.slowness_penalty,
        }

    def compute_output_shape(self, dropped_shape, *_):
        return dropped_shape


def _mean_square(x, is_real):
    squares = ops.where(is_real, ops.mean(x * x, axis=-1), 0.0)
    count = ops.sum(ops.cast(is_real, "float32"))
    return ops.sum(squares) / ops.maximum(count, 1.0)
