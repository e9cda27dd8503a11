"""Dropout, residual sum and layer norm as one fused operation."""

import functools

from keras import ops

from longkeras.layers.counter_dropout import dropped
from longkeras.ops.attention.dropout import draw_seed
from longkeras.ops.backend import xla_compile


def residual_norm(x, residual, dropout, norm, training):
    """Compute `norm(residual + dropout(x))` in one pass over memory.

    Training keeps only the arguments for the gradient.

    Args:
        x: float tensor `(batch, sequence, hidden_dim)`.
        residual: as `x`.
        dropout: `CounterDropout` without `noise_shape` and with a rate below 1.
        norm: built `keras.layers.LayerNormalization` of the last axis.
        training: bool. Whether to drop out.

    Returns:
        Tensor like `x`.
    """
    rate = dropout.rate if training else 0.0
    weights = [ops.expand_dims(weight, 0) for weight in (norm.gamma, norm.beta)]
    tensors = [x, residual, ops.concatenate(weights, axis=0)]
    if rate:
        tensors.append(draw_seed(dropout.seed_generator))
    compute = _residual_norm(rate, norm.epsilon)
    return xla_compile.run_elementwise(compute, *tensors, is_kept=not training)


@functools.cache
def _residual_norm(rate, epsilon):
    def compute(x, residual, gamma_and_beta, *seed):
        gamma, beta = gamma_and_beta[0], gamma_and_beta[1]
        if seed:
            x = dropped(x, *seed, rate)
        x = residual + x
        return ops.layer_normalization(x, gamma, beta, axis=-1, epsilon=epsilon)

    return compute
