"""Cost of attention over a pattern, and of full attention."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class AttentionCost:
    """Arithmetic and memory of one attention forward pass over one sequence.

    Args:
        flops: int. Floating-point operations of the two matrix products, a
            multiplication and an addition counted as two.
        bytes: int. Size of query, key, value, output and all scores. An implementation
            that works in tiles never holds all scores.
        score_entries: int. Pairs of a query and a visible key, over all heads.
    """

    flops: int
    bytes: int
    score_entries: int


def attention_cost(pattern, length, num_heads, head_dim, dtype_bytes=4):
    """Return the cost of banded attention.

    Pairs are counted exactly: queries near the ends of the text see fewer keys.

    Args:
        pattern: `BandedPattern`.
        length: int. Positions in the sequence.
        num_heads: int. Attention heads.
        head_dim: int. Size of each head.
        dtype_bytes: int. Bytes of one number. Defaults to `4` (float32).

    Returns:
        An `AttentionCost`.

    Raises:
        ValueError: If the pattern gives dilations for another number of heads.

    Example:

    ```python
    from longkeras.patterns import (
        BandedPattern,
        attention_cost,
        full_attention_cost,
    )

    band = attention_cost(BandedPattern.causal(256), 16_384, 8, 64)
    full = full_attention_cost(16_384, 8, 64, causal=True)
    assert 32 < full.flops / band.flops < 33
    ```
    """
    entries = sum(
        length
        + _pairs_on_one_side(pattern.left, dilation, length)
        + _pairs_on_one_side(pattern.right, dilation, length)
        for dilation in pattern.head_dilations(num_heads)
    )
    return _cost_of_entries(entries, length, num_heads, head_dim, dtype_bytes)


def full_attention_cost(length, num_heads, head_dim, dtype_bytes=4, causal=False):
    """Return the cost of attention in which every query sees the whole text.

    Args:
        length: int. Positions in the sequence.
        num_heads: int. Attention heads.
        head_dim: int. Size of each head.
        dtype_bytes: int. Bytes of one number. Defaults to `4` (float32).
        causal: bool. Whether only pairs up to the query's own position count.
            Defaults to `False`.

    Returns:
        An `AttentionCost`.

    Example:

    ```python
    from longkeras.patterns import full_attention_cost

    assert full_attention_cost(1000, 1, 64).score_entries == 1_000_000
    ```
    """
    pairs = length * (length + 1) // 2 if causal else length * length
    return _cost_of_entries(pairs * num_heads, length, num_heads, head_dim, dtype_bytes)


def _pairs_on_one_side(steps, dilation, length):
    # Step k fits `length - k * dilation` times; beyond `furthest` it never does.
    furthest = min(steps, max(length - 1, 0) // dilation)
    return furthest * length - dilation * furthest * (furthest + 1) // 2


def _cost_of_entries(entries, length, num_heads, head_dim, dtype_bytes):
    tensor_entries = 4 * length * num_heads * head_dim  # query, key, value, output
    return AttentionCost(
        flops=4 * head_dim * entries,
        bytes=(tensor_entries + entries) * dtype_bytes,
        score_entries=entries,
    )
