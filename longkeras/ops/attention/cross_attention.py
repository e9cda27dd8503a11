"""Cross-attention: queries of one sequence, keys and values of another."""

import keras
from keras import ops

from longkeras.ops.attention import dispatch, validation
from longkeras.ops.attention.kernels import cross
from longkeras.patterns import BandedPattern

# The kernel asks only whether it is causal.
_PATTERN = BandedPattern.bidirectional(attention_window=2)


class CrossAttention(keras.Operation):
    """The operation behind `longkeras.ops.cross_attention`."""

    def __init__(self, scale=None, dropout=0.0, seed=None):
        super().__init__()
        validation.check_options(_PATTERN, dropout, seed)
        self.scale = scale
        self.dropout = dropout
        self.seed = seed

    def call(self, query, key, value, query_mask=None, key_mask=None):
        masks = (key_mask, None, None)
        options = (self.scale, 0, self.dropout, self.seed, masks)
        spec = validation.spec_for(query, _PATTERN, *options)
        if query_mask is not None:
            query_mask = ops.cast(query_mask, "bool")
        tensors = (query, key, value, query_mask)
        return dispatch.run_loop(cross.attend, tensors, spec)

    def compute_output_spec(self, query, key, value, **masks):
        return keras.KerasTensor(query.shape, dtype=query.dtype)


def cross_attention(
    query,
    key,
    value,
    query_mask=None,
    key_mask=None,
    scale=None,
    dropout=0.0,
    seed=None,
):
    """Attention in which each query sees every key of another sequence.

    As a decoder attends to an encoder's output. Exact for any two lengths, forward and
    gradient. Memory grows with the lengths, not with their product: keys are read in
    tiles, and the gradient recomputes the scores.

    Args:
        query: float tensor `(batch, queries, heads, head_dim)`.
        key: float tensor `(batch, keys, kv_heads, head_dim)`, `kv_heads` a divisor
            of `heads` (grouped-query attention shares them).
        value: as `key`.
        query_mask: bool tensor `(batch, queries)`, True at real queries; the rows of
            the others are zero. Defaults to `None`, nothing padded.
        key_mask: bool tensor `(batch, keys)`, True at real keys; the others are not
            seen. Defaults to `None`, nothing padded.
        scale: float by which the scores are multiplied. Defaults to `None`,
            `head_dim ** -0.5`.
        dropout: float in [0, 1), the rate at which weights are dropped; the others
            are scaled up. Defaults to `0.0`.
        seed: int, int scalar tensor or `keras.random.SeedGenerator` that the dropout
            is drawn from.

    Returns:
        Tensor of the shape and dtype of `query`. A row without a visible key is zero,
        and so is its gradient.

    Raises:
        ValueError: If shapes do not fit each other, or dropout has no seed.

    Example:

    ```python
    import numpy as np
    from longkeras.ops import cross_attention

    rng = np.random.default_rng(0)
    query = rng.normal(size=(1, 5, 2, 8)).astype("float32")
    key = rng.normal(size=(1, 300, 2, 8)).astype("float32")
    y = cross_attention(query, key, key, key_mask=np.arange(300)[None] < 250)
    assert tuple(y.shape) == (1, 5, 2, 8)
    ```

    Reference:
        [Attention Is All You Need](https://arxiv.org/abs/1706.03762)
    """
    operation = CrossAttention(scale, dropout, seed)
    query, key, value = validation.to_tensors(query, key, value)
    validation.check_projections(query, key, value)
    masks = {"query_mask": query_mask, "key_mask": key_mask}
    for name, like in (("query", query), ("key", key)):
        validation.check_mask(f"{name}_mask", masks[f"{name}_mask"], like, name)
    if None not in (query.shape[0], key.shape[0]) and query.shape[0] != key.shape[0]:
        raise ValueError(
            "`query` and `key` must have one batch size. Received: shapes "
            f"{tuple(query.shape)} and {tuple(key.shape)}"
        )
    return operation(query, key, value, **masks)
