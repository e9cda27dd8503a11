"""The masks of a call, from its rule."""

from keras import ops

from longkeras.ops import attention_dropout
from longkeras.ops.implementations.tile import Masks


def band_masks(query, key, rule):
    """What hides keys of the band: padding, other documents, and being global.

    Global keys are seen apart from the band, so that each counts once.

    Args:
        query: `(batch, queries, heads, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        rule: `longkeras.ops.attention_rule.AttentionRule`.

    Returns:
        `Masks`.
    """
    length = ops.shape(query)[1]
    keys, queries, documents = rule.key_mask, None, None
    if keys is not None:
        queries = rule.at_queries(keys, length)
    if rule.global_mask is not None:
        ordinary = ops.logical_not(rule.global_mask)
        keys = ordinary if keys is None else ops.logical_and(keys, ordinary)
    if rule.document_ids is not None:
        documents = rule.at_queries(rule.document_ids, length)
    key_numbers, query_numbers = _numbers(query, key, rule)
    return Masks(
        keys=keys,
        queries=queries,
        key_documents=rule.document_ids,
        query_documents=documents,
        dropout=rule.dropout,
        key_numbers=key_numbers,
        query_numbers=query_numbers,
    )


def _numbers(query, key, rule):
    """What dropout is drawn from, for keys and queries; None where none is."""
    if not rule.dropout:
        return None, None
    batch_size, length, num_heads = ops.shape(query)[:3]
    kv_heads = key.shape[2]
    positions = rule.query_start + ops.arange(length, dtype="int32")
    queries = attention_dropout.query_numbers(
        rule.seed, batch_size, positions, num_heads
    )
    shape = (batch_size, length, kv_heads, num_heads // kv_heads)
    keys = attention_dropout.key_numbers(ops.arange(ops.shape(key)[1], dtype="int32"))
    keys = ops.broadcast_to(keys, (batch_size, ops.shape(key)[1]))
    return keys, ops.reshape(queries, shape)
