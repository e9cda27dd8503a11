"""Banded attention in float64 NumPy, one query at a time, sharing no code with ops."""

import numpy as np


def attend(query, key, value, left, right, head_dilations, is_real=None, query_start=0):
    """What banded attention must answer, from its definition.

    Args:
        query: array `(batch, sequence, heads, head_dim)`.
        key: array `(batch, key_sequence, kv_heads, head_dim)`.
        value: array `(batch, key_sequence, kv_heads, head_dim)`.
        left: int. Keys seen before the query.
        right: int. Keys seen after the query.
        head_dilations: one int per query head.
        is_real: bool array `(batch, key_sequence)`, or None for all.
        query_start: int. Position of query 0 among the keys.

    Returns:
        float64 array `(batch, sequence, heads, head_dim)`.
    """
    query, key, value = (np.asarray(x, "float64") for x in (query, key, value))
    batch, sequence, heads, head_dim = query.shape
    key_sequence, kv_heads = key.shape[1:3]
    if is_real is None:
        is_real = np.ones((batch, key_sequence), bool)
    answer = np.zeros_like(query)
    for row, i, head in np.ndindex(batch, sequence, heads):
        position = query_start + i
        if not is_real[row, position]:
            continue
        seen = [
            position + k * head_dilations[head]
            for k in range(-left, right + 1)
            if 0 <= position + k * head_dilations[head] < key_sequence
        ]
        seen = [j for j in seen if is_real[row, j]]
        key_head = head * kv_heads // heads
        scores = key[row, seen, key_head] @ query[row, i, head] / np.sqrt(head_dim)
        weights = np.exp(scores - scores.max())
        answer[row, i, head] = weights @ value[row, seen, key_head] / weights.sum()
    return answer
