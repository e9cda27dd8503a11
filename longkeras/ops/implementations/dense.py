"""Banded attention with the whole score matrix: best on short text."""

from keras import ops

from longkeras.ops import attention_dropout
from longkeras.ops.masking import masked_softmax, zero_masked


def attend(query, key, value, rule):
    """Attend through one masked score matrix; see the package for the signature."""
    batch_size, query_length, num_heads, head_dim = ops.shape(query)
    kv_heads = key.shape[2]
    key, value = zero_masked(key, rule.key_mask), zero_masked(value, rule.key_mask)
    if rule.key_mask is not None:
        query = zero_masked(query, rule.at_queries(rule.key_mask, query_length))
    visible = _visible(query, key, rule)
    groups = num_heads // kv_heads
    query = ops.reshape(query, (batch_size, query_length, kv_heads, groups, head_dim))
    # b batch, q query, k key, h key head, g group of a key head, d head_dim
    scores = ops.einsum("bqhgd,bkhd->bhgqk", query, key)
    shape = ops.shape(scores)
    scores = ops.reshape(scores, (batch_size, num_heads, *shape[3:]))
    weights = masked_softmax(scores, visible, rule.scale)
    if rule.dropout:
        weights = weights * _keep_factor(query, key, num_heads, rule, weights.dtype)
    output = ops.einsum("bhgqk,bkhd->bqhgd", ops.reshape(weights, shape), value)
    return ops.reshape(output, (batch_size, query_length, num_heads, head_dim))


def _visible(query, key, rule):
    """Boolean mask broadcastable to `(batch, heads, query, key)`."""
    pattern = rule.pattern
    query_length, key_length = ops.shape(query)[1], ops.shape(key)[1]
    query_position = rule.query_start + ops.arange(query_length, dtype="int32")
    distance = ops.arange(key_length, dtype="int32") - query_position[:, None]
    dilation = ops.reshape(
        ops.convert_to_tensor(pattern.dilations, dtype="int32"), (-1, 1, 1)
    )
    visible = ops.logical_and(
        distance >= -pattern.left * dilation, distance <= pattern.right * dilation
    )
    visible = ops.logical_and(visible, distance % dilation == 0)[None]
    if rule.global_mask is not None:
        columns = rule.global_mask[:, None, None, :]
        if pattern.is_causal:
            columns = ops.logical_and(columns, distance <= 0)
        visible = ops.logical_or(visible, columns)
    if rule.key_mask is not None:
        query_mask = rule.at_queries(rule.key_mask, query_length)
        seen = ops.logical_and(
            query_mask[:, None, :, None], rule.key_mask[:, None, None, :]
        )
        visible = ops.logical_and(visible, seen)
    if rule.document_ids is not None:
        documents = rule.at_queries(rule.document_ids, query_length)
        same = documents[:, None, :, None] == rule.document_ids[:, None, None, :]
        visible = ops.logical_and(visible, same)
    return visible


def _keep_factor(query, key, num_heads, rule, dtype):
    """0 or 1 / (1 - rate): `(batch, heads, query, key)`."""
    batch_size, query_length = ops.shape(query)[:2]
    positions = rule.query_start + ops.arange(query_length, dtype="int32")
    rows = attention_dropout.query_numbers(rule.seed, batch_size, positions, num_heads)
    columns = attention_dropout.key_numbers(ops.arange(ops.shape(key)[1]))
    rows = ops.transpose(rows, (0, 2, 1))[..., None]  # (batch, heads, query, 1)
    kept = attention_dropout.kept(rows, columns, rule.dropout)
    return ops.cast(kept, dtype) * (1.0 / (1.0 - rule.dropout))
