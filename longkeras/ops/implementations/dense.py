"""Banded attention with the whole score matrix: best on short text."""

from keras import ops

from longkeras.ops.masking import masked_softmax, zero_masked


def attend(query, key, value, pattern, key_mask, scale, query_start):
    """Attend through one masked score matrix; see the package for the signature."""
    key, value = zero_masked(key, key_mask), zero_masked(value, key_mask)
    if key_mask is not None:
        query_mask = key_mask[:, query_start : query_start + ops.shape(query)[1]]
        query = zero_masked(query, query_mask)
    scores = ops.einsum("bqhd,bkhd->bhqk", query, key)  # (batch, heads, query, key)
    visible = _visible(query, key, pattern, key_mask, query_start)
    weights = masked_softmax(scores, visible, scale)
    return ops.einsum("bhqk,bkhd->bqhd", weights, value)


def _visible(query, key, pattern, key_mask, query_start):
    """Boolean mask broadcastable to `(batch, heads, query, key)`."""
    query_length, key_length = ops.shape(query)[1], ops.shape(key)[1]
    query_position = query_start + ops.arange(query_length, dtype="int32")
    distance = ops.arange(key_length, dtype="int32") - query_position[:, None]
    dilation = ops.reshape(
        ops.convert_to_tensor(pattern.dilations, dtype="int32"), (-1, 1, 1)
    )
    visible = ops.logical_and(
        distance >= -pattern.left * dilation, distance <= pattern.right * dilation
    )
    visible = ops.logical_and(visible, distance % dilation == 0)[None]
    if key_mask is None:
        return visible
    query_mask = key_mask[:, query_start : query_start + query_length]
    seen = ops.logical_and(query_mask[:, None, :, None], key_mask[:, None, None, :])
    return ops.logical_and(visible, seen)
