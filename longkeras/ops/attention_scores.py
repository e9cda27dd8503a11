"""Attention weights of chosen queries, for pictures: never a whole matrix unasked."""

from keras import ops

from longkeras.ops.masking import masked_softmax, zero_masked


def attention_scores(query, key, rows, rule):
    """The weights that chosen queries give to every key.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, sequence, kv_heads, head_dim)`.
        rows: int32 tensor `(batch, rows)`, positions of the queries.
        rule: `longkeras.ops.attention_rule.AttentionRule`; its dropout is not
            applied, and queries start at position 0.

    Returns:
        Tensor `(batch, heads, rows, sequence)` of the query's dtype: each row adds
        up to one, or is zero where the query sees nothing.
    """
    key = zero_masked(key, rule.key_mask)
    query = rows_of(zero_masked(query, rule.key_mask), rows)
    key = ops.repeat(key, query.shape[2] // key.shape[2], axis=2)
    scores = ops.einsum("brhd,bkhd->bhrk", query, key)
    return masked_softmax(scores, _visible(rows, ops.shape(key)[1], rule), rule.scale)


def rows_of(per_position, rows):
    """The entries of `(batch, sequence, ...)` at positions `(batch, rows)`."""
    shape = (*ops.shape(rows), *([1] * (len(per_position.shape) - 2)))
    return ops.take_along_axis(per_position, ops.reshape(rows, shape), axis=1)


def _visible(rows, num_keys, rule):
    """bool `(batch, heads or 1, rows, keys)`: which keys each row sees."""
    pattern = rule.pattern
    rows = rows[:, None, :, None]  # (batch, 1, rows, 1)
    distance = ops.arange(num_keys, dtype="int32") - rows  # (batch, 1, rows, keys)
    dilation = ops.reshape(
        ops.convert_to_tensor(pattern.dilations, dtype="int32"), (-1, 1, 1)
    )
    visible = ops.logical_and(
        distance >= -pattern.left * dilation, distance <= pattern.right * dilation
    )
    visible = ops.logical_and(visible, distance % dilation == 0)
    rows = rows[:, 0, :, 0]
    global_keys = rule.global_keys()
    if global_keys is not None:
        global_keys = global_keys[:, None, None, :]
        if pattern.is_causal:
            global_keys = ops.logical_and(global_keys, distance <= 0)
        visible = ops.logical_or(visible, global_keys)
    if rule.key_mask is not None:
        both_real = _pairs(ops.logical_and, rule.key_mask, rows)
        visible = ops.logical_and(visible, both_real)
    if rule.document_ids is not None:
        same = _pairs(ops.equal, rule.document_ids, rows)
        visible = ops.logical_and(visible, same)
    return visible


def _pairs(relation, per_key, rows):
    """Relate every row to every key: bool `(batch, 1, rows, keys)`."""
    at_rows = rows_of(per_key, rows)[:, None, :, None]
    return relation(at_rows, per_key[:, None, None, :])
