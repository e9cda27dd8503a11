"""The public op: sliding-window attention of any reach, exact, in linear memory."""

import keras
from keras import ops

from longkeras.ops.chooser import choose
from longkeras.patterns import BandedPattern


class BandedAttention(keras.Operation):
    """The operation behind `longkeras.ops.banded_attention`."""

    def __init__(self, pattern, scale=None, implementation="auto", query_start=0):
        super().__init__()
        if not isinstance(pattern, BandedPattern):
            raise ValueError(
                "`pattern` must be a `longkeras.patterns.BandedPattern`. "
                f"Received: pattern={pattern!r}"
            )
        self.pattern = pattern
        self.scale = scale
        self.implementation = implementation
        self.query_start = query_start

    def call(self, query, key, value, padding_mask=None):
        scale = query.shape[-1] ** -0.5 if self.scale is None else self.scale
        groups = query.shape[2] // key.shape[2]
        if groups > 1:
            key = ops.repeat(key, groups, axis=2)
            value = ops.repeat(value, groups, axis=2)
        if padding_mask is not None:
            padding_mask = ops.cast(padding_mask, "bool")
        attend = choose(self.implementation, self.pattern, query.shape[1], key.shape[1])
        return attend(
            query, key, value, self.pattern, padding_mask, scale, self.query_start
        )

    def compute_output_spec(self, query, key, value, padding_mask=None):
        return keras.KerasTensor(query.shape, dtype=query.dtype)


def banded_attention(
    query,
    key,
    value,
    pattern,
    padding_mask=None,
    scale=None,
    implementation="auto",
    query_start=0,
):
    """Attention in which each query sees only the keys of its band.

    Exact for every pattern, length and padding, forward and gradient. Time grows
    with length times window and memory with length; the gradient recomputes the
    scores instead of keeping them. Eager, symbolic and jitted alike.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, keys, kv_heads, head_dim)`, `kv_heads` a divisor
            of `heads` (grouped-query attention repeats them).
        value: as `key`.
        pattern: `longkeras.patterns.BandedPattern`.
        padding_mask: bool tensor `(batch, keys)`, True at real positions. A padded
            position is neither seen nor answered: its row is zero. Defaults to
            `None`, nothing padded.
        scale: float by which the scores are multiplied. Defaults to `None`,
            `head_dim ** -0.5`.
        implementation: str. `"auto"`, or the name of one, `"blocked"` or `"dense"`
            (see `longkeras.ops.explain`). Defaults to `"auto"`.
        query_start: int. Position of the first query among the keys: keys before it
            are a history that is seen, not answered. Defaults to `0`.

    Returns:
        Tensor of the shape and dtype of `query`. A row without a visible key is
        zero, and so is its gradient.

    Raises:
        ValueError: If shapes do not fit each other or the pattern.

    Example:

    ```python
    import numpy as np
    from longkeras.ops import banded_attention
    from longkeras.patterns import BandedPattern

    x = np.random.default_rng(0).normal(size=(1, 100, 2, 8)).astype("float32")
    y = banded_attention(x, x, x, BandedPattern.causal(attention_window=16))
    assert tuple(y.shape) == (1, 100, 2, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """
    operation = BandedAttention(pattern, scale, implementation, query_start)
    if not keras.utils.is_keras_tensor(query):
        query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    _check(query, key, value, pattern, padding_mask, query_start)
    return operation(query, key, value, padding_mask=padding_mask)


def _check(query, key, value, pattern, padding_mask, query_start):
    """Raise for what no implementation could make sense of."""
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not len(query.shape) == len(key.shape) == len(value.shape) == 4:
        raise ValueError(
            "`query`, `key` and `value` must have four axes, `(batch, sequence, "
            f"heads, head_dim)`. Received: {shapes}"
        )
    if tuple(key.shape) != tuple(value.shape):
        raise ValueError(f"`key` and `value` must have one shape. Received: {shapes}")
    num_heads = query.shape[2]
    if num_heads % key.shape[2] or query.shape[3] != key.shape[3]:
        raise ValueError(
            "`key` must have the head_dim of `query` and a number of heads that "
            f"divides the query's. Received: {shapes}"
        )
    if len(pattern.dilations) not in (1, num_heads):
        raise ValueError(
            "`pattern` must have one dilation, or one for each head. Received: "
            f"dilation={pattern.dilation} for {num_heads} heads"
        )
    query_length, key_length = query.shape[1], key.shape[1]
    known = query_length is not None and key_length is not None
    if query_start < 0 or (known and query_start + query_length > key_length):
        raise ValueError(
            "`query_start` must be at least 0 and leave a key for every query. "
            f"Received: query_start={query_start} with {shapes}"
        )
    if padding_mask is not None and len(padding_mask.shape) != 2:
        raise ValueError(
            "`padding_mask` must have two axes, `(batch, sequence)`. "
            f"Received: shape {tuple(padding_mask.shape)}"
        )
