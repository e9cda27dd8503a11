"""The masks of a call, from its spec."""

from keras import ops

from longkeras.ops.attention import dropout
from longkeras.ops.attention.kernels.tile import Masks


def band_masks(query, key, spec):
    """What hides keys of the band: padding, other documents, and being global.

    Global keys are seen apart from the band, so that each counts once.

    Args:
        query: `(batch, queries, heads, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        `Masks`.
    """
    length = ops.shape(query)[1]
    keys, queries, documents = spec.key_mask, None, None
    if keys is not None:
        queries = spec.at_queries(keys, length)
    if spec.global_mask is not None:
        ordinary = ops.logical_not(spec.global_mask)
        keys = ordinary if keys is None else ops.logical_and(keys, ordinary)
    if spec.document_ids is not None:
        documents = spec.at_queries(spec.document_ids, length)
    key_numbers, query_numbers = _numbers(query, key, spec)
    return Masks(
        keys=keys,
        queries=queries,
        key_documents=spec.document_ids,
        query_documents=documents,
        dropout=spec.dropout,
        key_numbers=key_numbers,
        query_numbers=query_numbers,
    )


def _numbers(query, key, spec):
    """What dropout is drawn from, for keys and queries; None where none is."""
    if not spec.dropout:
        return None, None
    batch_size, length, num_heads = ops.shape(query)[:3]
    kv_heads = key.shape[2]
    positions = spec.query_start + ops.arange(length, dtype="int32")
    queries = dropout.query_numbers(spec.seed, batch_size, positions, num_heads)
    shape = (batch_size, length, kv_heads, num_heads // kv_heads)
    keys = dropout.key_numbers(ops.arange(ops.shape(key)[1], dtype="int32"))
    keys = ops.broadcast_to(keys, (batch_size, ops.shape(key)[1]))
    return keys, ops.reshape(queries, shape)
