"""Patterns as dense boolean masks, for tests and pictures."""

import numpy as np


def dense_mask(pattern, query_length, key_length=None, num_heads=None, query_start=0):
    """Return a pattern as a boolean matrix of queries by keys.

    The matrix has `query_length * key_length` entries per head, too many for long
    texts. Query `i` is at position `query_start + i` of the keys, so that a chunk of
    queries after earlier keys can be described too.

    Args:
        pattern: `BandedPattern`.
        query_length: int. Number of queries.
        key_length: int. Number of keys. Defaults to `query_start + query_length`.
        num_heads: int. Number of heads in the result. By default one per dilation
            given: a single one when all heads share the dilation.
        query_start: int. Position of the first query among the keys. Defaults to
            `0`.

    Returns:
        A bool array `(heads, query_length, key_length)`, True where the query sees
        the key.

    Raises:
        ValueError: If `num_heads` contradicts the pattern's dilations.

    Example:

    ```python
    from longkeras.patterns import BandedPattern, dense_mask

    mask = dense_mask(BandedPattern(left=1, right=0), query_length=4)
    assert mask[0].astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]
    ```
    """
    if key_length is None:
        key_length = query_start + query_length
    if num_heads is None:
        num_heads = len(pattern.dilations)
    dilation = np.array(pattern.head_dilations(num_heads))[:, None, None]
    query_positions = query_start + np.arange(query_length)[:, None]
    distance = np.arange(key_length)[None, :] - query_positions  # (query, key)
    steps, remainder = np.divmod(distance[None], dilation)  # (heads, query, key)
    return (remainder == 0) & (steps >= -pattern.left) & (steps <= pattern.right)
