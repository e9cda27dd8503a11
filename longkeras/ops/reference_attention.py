"""Attention over a pattern, written out densely: the truth for every test."""

import keras
import numpy as np
from keras import ops


def reference_attention(
    query, key, value, pattern, padding_mask=None, scale=None, query_start=0
):
    """Banded attention as its definition says it, with a full score matrix.

    Slow and hungry on purpose: memory grows with the square of the length. Use it
    to check other implementations, and for short sequences where clarity matters
    more than speed. Scores, softmax and sums are computed in float32 (float64 for
    float64 inputs) and cast back at the end.

    A padded position is neither seen nor answered: its row is zero, and so is the
    row of a query that sees no key at all. Whatever padded positions hold, NaN
    included, changes neither results nor gradients.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, key_sequence, kv_heads, head_dim)`. `kv_heads`
            divides `heads`: neighbouring query heads share a key head.
        value: float tensor `(batch, key_sequence, kv_heads, head_dim)`.
        pattern: `BandedPattern`. Which keys a query may see.
        padding_mask: bool tensor `(batch, key_sequence)`, True at real positions.
            Defaults to `None`: every position is real.
        scale: float. Factor on the scores. Defaults to `head_dim ** -0.5`.
        query_start: int. Position of the first query among the keys: 0 unless the
            keys carry a history in front. Defaults to `0`.

    Returns:
        A tensor `(batch, sequence, heads, head_dim)` of the query's dtype.

    Raises:
        ValueError: If `kv_heads` does not divide `heads`, or the pattern gives
            dilations for another number of heads.

    Example:

    ```python
    import keras

    from longkeras.ops import reference_attention
    from longkeras.patterns import BandedPattern

    x = keras.random.normal((1, 6, 2, 4))
    assert reference_attention(x, x, x, BandedPattern.causal(3)).shape == x.shape
    ```
    """
    operation = ReferenceAttention(pattern, scale=scale, query_start=query_start)
    return operation(query, key, value, padding_mask)


class ReferenceAttention(keras.Operation):
    """`reference_attention` as an operation, so that it also works symbolically.

    Args:
        pattern: `BandedPattern`.
        scale: float, or `None` for `head_dim ** -0.5`.
        query_start: int. Position of the first query among the keys.
        name: string. Name of the operation.
    """

    def __init__(self, pattern, scale=None, query_start=0, name=None):
        super().__init__(name=name)
        self.pattern = pattern
        self.scale = scale
        self.query_start = query_start

    def compute_output_spec(self, query, key, value, padding_mask=None):
        return keras.KerasTensor(query.shape, dtype=query.dtype)

    def call(self, query, key, value, padding_mask=None):
        query, key, value = map(ops.convert_to_tensor, (query, key, value))
        output_dtype = keras.backend.standardize_dtype(query.dtype)
        dtype = "float64" if output_dtype == "float64" else "float32"
        query, key, value = (ops.cast(x, dtype) for x in (query, key, value))
        visible = self._band(query, key)  # (1, h or 1, q, k)
        if padding_mask is not None:
            key_is_real = ops.cast(padding_mask, "bool")  # (b, k)
            query_is_real = self._query_rows(key_is_real, query)  # (b, q)
            query = _zero_padding(query, query_is_real)
            key = _zero_padding(key, key_is_real)
            value = _zero_padding(value, key_is_real)
            both_are_real = query_is_real[:, :, None] & key_is_real[:, None, :]
            visible = visible & both_are_real[:, None]  # (b, h or 1, q, k)

        num_heads, head_dim = query.shape[2:]
        key, value = (_repeat_heads(x, num_heads) for x in (key, value))
        scale = head_dim**-0.5 if self.scale is None else self.scale
        # b batch, q query, k key, h head, d head_dim
        scores = ops.einsum("bqhd,bkhd->bhqk", query * scale, key)
        weights = _visible_softmax(scores, visible, float(np.finfo(dtype).min))
        outputs = ops.einsum("bhqk,bkhd->bqhd", weights, value)
        return ops.cast(outputs, output_dtype)

    def _band(self, query, key):
        num_heads = query.shape[2]
        dilation = np.array(self.pattern.head_dilations(num_heads))[:, None, None]
        query_positions = self.query_start + ops.arange(ops.shape(query)[1])
        key_positions = ops.arange(ops.shape(key)[1])
        distance = key_positions[None, :] - query_positions[:, None]  # (q, k)
        first = -self.pattern.left * dilation  # (h, 1, 1)
        last = self.pattern.right * dilation
        in_span = (distance >= first) & (distance <= last)  # (h, q, k)
        return (in_span & (distance % dilation == 0))[None]

    def _query_rows(self, key_mask, query):
        stop = self.query_start + ops.shape(query)[1]
        return key_mask[:, self.query_start : stop]


def _visible_softmax(scores, visible, lowest):
    scores = ops.where(visible, scores, lowest)
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.where(visible, ops.exp(scores - highest), 0.0)
    total = ops.sum(weights, axis=-1, keepdims=True)
    # Nothing visible: divide by one, for zeros in the row and in its gradient.
    return weights / ops.where(total > 0.0, total, 1.0)


def _zero_padding(tensor, is_real):
    # Multiplying by zero would keep the NaN that a padded position may hold.
    return ops.where(is_real[:, :, None, None], tensor, 0.0)


def _repeat_heads(tensor, num_heads):
    kv_heads = tensor.shape[2]
    if num_heads % kv_heads:
        raise ValueError(
            "The heads of `key` and `value` must divide those of `query`. "
            f"Received: key heads={kv_heads}, query heads={num_heads}"
        )
    return ops.repeat(tensor, num_heads // kv_heads, axis=2)
