"""One score matrix: banded attention, global rows, and weights for pictures."""

import dataclasses

from keras import ops

from longkeras.ops.attention import dropout
from longkeras.ops.attention.kernels.tile import score_dtype, tile_dtype
from longkeras.ops.attention.spec import full_pattern
from longkeras.ops.attention.visibility import (
    masked_score,
    masked_softmax,
    rows_of,
    visible_to_rows,
    zero_masked,
)


def attend(query, key, value, spec):
    """Attend through one masked score matrix; see the package for the signature."""
    batch_size, query_length, num_heads, head_dim = ops.shape(query)
    key_length, kv_heads = ops.shape(key)[1:3]
    output_dtype = query.dtype
    key, value = zero_masked(key, spec.key_mask), zero_masked(value, spec.key_mask)
    if spec.key_mask is not None:
        query = zero_masked(query, spec.at_queries(spec.key_mask, query_length))
    query, key, value = (
        ops.transpose(ops.cast(x, tile_dtype(x)), (0, 2, 1, 3))
        for x in (query, key, value)
    )  # (batch, heads, length, head_dim)
    groups = num_heads // kv_heads
    # The query heads that share a key head are rows of one product.
    shared = (batch_size, kv_heads, groups * query_length, head_dim)
    dtype = score_dtype(query)
    scores = ops.matmul(
        ops.reshape(query * spec.scale, shared), ops.swapaxes(key, 2, 3)
    )
    shape = (batch_size, num_heads, query_length, key_length)
    scores = ops.reshape(ops.cast(scores, dtype), shape)
    rows = spec.query_start + ops.arange(query_length, dtype="int32")
    lowest = masked_score(dtype)
    scores = ops.where(visible_to_rows(rows[None], key_length, spec), scores, lowest)
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.exp(scores - highest)
    # With no key seen every score is the lowest, and the weights mean nothing.
    share = ops.where(
        highest > 0.5 * lowest, 1.0 / ops.sum(weights, axis=-1, keepdims=True), 0.0
    )
    if spec.dropout:
        weights = weights * _keep_factor(shape, spec, dtype)
    weights = ops.reshape(weights, (*shared[:3], key_length))
    output = ops.matmul(ops.cast(weights, value.dtype), value)
    output = ops.reshape(output, (*shape[:3], head_dim)) * share
    return ops.cast(ops.transpose(output, (0, 2, 1, 3)), output_dtype)


def replace(output, query, key, value, spec):
    """As `longkeras.ops.attention.kernels.global_queries.replace`, for short text.

    All rows are answered from all keys, and those of global queries taken.
    """
    everything = full_pattern(None, spec.pattern.is_causal)
    sees_all = dataclasses.replace(spec, pattern=everything, global_mask=None)
    rows = attend(query, key, value, sees_all)
    return ops.where(spec.global_keys()[:, :, None, None], rows, output)


def attention_scores(query, key, rows, spec):
    """The weights that chosen queries give to every key.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, sequence, kv_heads, head_dim)`.
        rows: int32 tensor `(batch, rows)`, positions of the queries.
        spec: `longkeras.ops.attention.spec.AttentionSpec`; its dropout is not
            applied, and queries start at position 0.

    Returns:
        Tensor `(batch, heads, rows, sequence)` of the query's dtype: each row adds
        up to one, or is zero where the query sees nothing.
    """
    key = zero_masked(key, spec.key_mask)
    query = rows_of(zero_masked(query, spec.key_mask), rows)
    key = ops.repeat(key, query.shape[2] // key.shape[2], axis=2)
    scores = ops.einsum("brhd,bkhd->bhrk", query, key)
    seen = visible_to_rows(rows, ops.shape(key)[1], spec)
    return masked_softmax(scores, seen, spec.scale)


def _keep_factor(shape, spec, dtype):
    """0 or 1 / (1 - rate): `(batch, heads, query, key)`."""
    batch_size, num_heads, query_length, key_length = shape
    positions = spec.query_start + ops.arange(query_length, dtype="int32")
    rows = dropout.query_numbers(spec.seed, batch_size, positions, num_heads)
    columns = dropout.key_numbers(ops.arange(key_length, dtype="int32"))
    rows = ops.transpose(rows, (0, 2, 1))[..., None]  # (batch, heads, query, 1)
    kept = dropout.kept(rows, columns, spec.dropout)
    return ops.cast(kept, dtype) * (1.0 / (1.0 - spec.dropout))
