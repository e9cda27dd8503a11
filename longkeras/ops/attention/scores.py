"""Attention weights of chosen queries, for pictures: never a whole matrix unasked."""

from keras import ops

from longkeras.ops.attention.masking import masked_softmax, zero_masked
from longkeras.ops.attention.visibility import rows_of, visible


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
    seen = visible(rows, ops.shape(key)[1], spec)
    return masked_softmax(scores, seen, spec.scale)
