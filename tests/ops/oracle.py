"""Windowed and global attention in float64 NumPy, one query at a time.

Written from the definition: nothing is shared with `longkeras.ops`, the hash that
decides dropout included.
"""

import numpy as np

WORD = np.uint64(2**32 - 1)
GOLDEN_STEP = 0x9E3779B9


def attend(
    query,
    key,
    value,
    left,
    right,
    head_dilations,
    is_real=None,
    query_start=0,
    is_global=None,
    documents=None,
    global_rows=None,
    dropout=0.0,
    seed=0,
    scale=None,
):
    """What sliding-window and global attention must answer, from its definition.

    Args:
        query: array `(batch, sequence, heads, head_dim)`.
        key: array `(batch, key_sequence, kv_heads, head_dim)`.
        value: array `(batch, key_sequence, kv_heads, head_dim)`.
        left: int. Keys seen before the query.
        right: int. Keys seen after the query; 0 forbids the future to all.
        head_dilations: one int per query head.
        is_real: bool array `(batch, key_sequence)`, or None for all.
        query_start: int. Position of query 0 among the keys.
        is_global: bool array `(batch, key_sequence)`, or None for no global keys.
        documents: int array `(batch, key_sequence)`, or None for a single one.
        global_rows: query, key and value arrays that answer global queries, or None
            where global positions are only seen.
        dropout: float. Share of the weights that are dropped.
        seed: int. Decides which.
        scale: float. Factor on the scores, or None for `1 / sqrt(head_dim)`.

    Returns:
        float64 array `(batch, sequence, heads, head_dim)`.
    """
    local = [np.asarray(x, "float64") for x in (query, key, value)]
    apart = None if global_rows is None else [np.float64(x) for x in global_rows]
    batch, sequence, heads, head_dim = local[0].shape
    keys, kv_heads = local[1].shape[1:3]
    if is_real is None:
        is_real = np.ones((batch, keys), bool)
    if is_global is None:
        is_global = np.zeros((batch, keys), bool)
    if documents is None:
        documents = np.zeros((batch, keys), int)
    scale = 1 / np.sqrt(head_dim) if scale is None else scale
    answer = np.zeros_like(local[0])
    for row, i, head in np.ndindex(batch, sequence, heads):
        position = query_start + i
        if not is_real[row, position]:
            continue
        window = {position + k * head_dilations[head] for k in range(-left, right + 1)}
        answers_apart = apart is not None and is_global[row, position]
        seen = [
            j
            for j in range(keys)
            if (j in window or is_global[row, j] or answers_apart)
            and is_real[row, j]
            and documents[row, j] == documents[row, position]
            and (right > 0 or j <= position)
        ]
        queries, row_keys, values = apart if answers_apart else local
        key_head = head * kv_heads // heads
        scores = row_keys[row, seen, key_head] @ queries[row, i, head] * scale
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        if dropout:
            stays = keeps(seed, row, head, position, np.array(seen), dropout)
            weights = weights * stays / (1 - dropout)
        answer[row, i, head] = weights @ values[row, seen, key_head]
    return answer


def keeps(seed, row, head, query_position, key_positions, rate):
    """Which keys' weights dropout leaves to one query of one head.

    Args:
        seed: int.
        row: int. Place in the batch.
        head: int. Query head.
        query_position: int. Position in the text.
        key_positions: int array.
        rate: float. Share that is dropped.

    Returns:
        bool array like `key_positions`.
    """
    of_row = finalised(seed + GOLDEN_STEP * (row + 1))
    of_query = finalised(int(of_row) + GOLDEN_STEP * query_position)
    of_head = finalised(int(of_query) + GOLDEN_STEP * (head + 1))
    counters = np.uint64(GOLDEN_STEP) * (np.uint64(key_positions) + np.uint64(1))
    drawn = finalised(finalised(counters) ^ of_head) & np.uint64(2**31 - 1)
    return drawn / 2**31 >= rate


def finalised(x):
    """MurmurHash3's 32-bit finaliser, of ints of any size and sign modulo 2**32."""
    x = np.uint64(x % 2**32) if isinstance(x, int) else x & WORD
    x = (x ^ (x >> np.uint64(16))) * np.uint64(0x85EBCA6B) & WORD
    x = (x ^ (x >> np.uint64(13))) * np.uint64(0xC2B2AE35) & WORD
    return x ^ (x >> np.uint64(16))
