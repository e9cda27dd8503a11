"""Layers of heads, and the pooling of hidden states."""

import keras
from keras import ops

POOLINGS = ("first", "mean")


def head_dtype_policy(backbone):
    """Return the dtype policy for the layers of a head.

    It is the backbone's, or its default if layers have their own, as quantized ones do.
    """
    policy = backbone.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        return policy.default_policy
    return policy


def head_initializer():
    """Return the initializer of BERT's heads."""
    return keras.initializers.RandomNormal(stddev=0.02)


def head_dense(backbone, units, **options):
    """Return a dense layer of a head; `kernel_initializer` defaults to BERT's."""
    options.setdefault("kernel_initializer", head_initializer())
    return keras.layers.Dense(units, dtype=head_dtype_policy(backbone), **options)


def pool(hidden_states, padding_mask, pooling):
    """Return one vector for each text, `(batch, hidden_dim)`.

    Args:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: int tensor `(batch, sequence)`, 0 at padding.
        pooling: str. `"first"` takes the first token; `"mean"` the mean over all
            tokens that are not padding, computed in float32, and zero for a text
            without tokens.
    """
    if pooling == "first":
        return hidden_states[:, 0]
    dtype = keras.backend.result_type(hidden_states.dtype, "float32")
    is_token = ops.not_equal(padding_mask, 0)
    states = ops.cast(hidden_states, dtype)
    total = ops.sum(ops.where(is_token[..., None], states, 0.0), axis=1)
    count = ops.sum(ops.cast(is_token, dtype), axis=1, keepdims=True)
    return ops.cast(total / ops.maximum(count, 1.0), hidden_states.dtype)
