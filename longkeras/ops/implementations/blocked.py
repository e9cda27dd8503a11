"""Banded attention by a walk over blocks of queries: time and memory linear in length.

Each block of queries meets only the tile of keys that its band can reach. The
gradient recomputes every tile instead of keeping it, so training needs no memory
beyond inputs, output and one number a row (Dao et al., 2022, arXiv:2205.14135, and
Longformer's band, arXiv:2004.05150).
"""

import math

import keras
from keras import ops

from longkeras.ops.implementations import tile
from longkeras.ops.masking import zero_masked

_SMALLEST_BLOCK = 32
_LARGEST_BLOCK = 128


def attend(query, key, value, pattern, key_mask, scale, query_start):
    """Attend block by block; see the package for the signature."""
    num_heads = query.shape[2]
    if key_mask is None:
        key_mask = ops.ones(ops.shape(key)[:2], dtype="bool")
    key, value = zero_masked(key, key_mask), zero_masked(value, key_mask)
    query_length = ops.shape(query)[1]
    query_mask = key_mask[:, query_start : query_start + query_length]
    query = zero_masked(query, query_mask)

    outputs = []
    for dilation, heads in _heads_by_dilation(pattern, num_heads):
        picked = [_pick_heads(x, heads, num_heads) for x in (query, key, value)]
        band = tile.Band(pattern.left, pattern.right, scale, query_start)
        outputs.append(_attend_dilated(*picked, key_mask, band, dilation))
    if len(outputs) == 1:
        return outputs[0]
    order = [
        head for _, heads in _heads_by_dilation(pattern, num_heads) for head in heads
    ]
    joined = ops.concatenate(outputs, axis=2)
    return _pick_heads(joined, [order.index(head) for head in range(num_heads)])


def block_length(left, right):
    """Queries walked at once for a band: about half its longer side.

    Args:
        left: int, keys seen before the query.
        right: int, keys seen after it.

    Returns:
        int, a power of two between 32 and 128.
    """
    half_reach = max(left, right, 1) / 2
    power = 2 ** round(math.log2(half_reach)) if half_reach >= 1 else 1
    return int(min(max(power, _SMALLEST_BLOCK), _LARGEST_BLOCK))


def _heads_by_dilation(pattern, num_heads):
    """`(dilation, heads that have it)` pairs, in order of first appearance."""
    dilations = pattern.dilations
    if len(dilations) == 1:
        return [(dilations[0], list(range(num_heads)))]
    groups = {}
    for head, dilation in enumerate(dilations):
        groups.setdefault(dilation, []).append(head)
    return list(groups.items())


def _pick_heads(x, heads, num_heads=None):
    if len(heads) == num_heads:
        return x
    return ops.take(x, heads, axis=2)


def _attend_dilated(query, key, value, key_mask, band, dilation):
    """Fold a dilated band into `dilation` interleaved ordinary ones."""
    if dilation == 1:
        return _attend_contiguous(query, key, value, key_mask, band)
    # Keys in front keep the residue of every position when the text is folded.
    shift = -band.query_start % dilation
    query_start = (band.query_start + shift) // dilation
    query_length = ops.shape(query)[1]
    key_length = ops.shape(key)[1]
    query = tile.pad_sequence(query, 0, -query_length % dilation)
    key, value, key_mask = (
        tile.pad_sequence(x, shift, -(key_length + shift) % dilation)
        for x in (key, value, key_mask)
    )
    folded = [_fold(x, dilation) for x in (query, key, value, key_mask)]
    band = tile.Band(band.left, band.right, band.scale, query_start)
    output = _attend_contiguous(*folded, band)
    return _unfold(output, dilation)[:, :query_length]


def _fold(x, dilation):
    """`(batch, sequence, ...)` to `(batch * dilation, sequence / dilation, ...)`."""
    batch, length, *rest = ops.shape(x)
    x = ops.reshape(x, (batch, length // dilation, dilation, *rest))
    x = ops.swapaxes(x, 1, 2)  # (batch, dilation, length / dilation, ...)
    return ops.reshape(x, (batch * dilation, length // dilation, *rest))


def _unfold(x, dilation):
    """The inverse of `_fold`."""
    folded_batch, length, *rest = ops.shape(x)
    x = ops.reshape(x, (folded_batch // dilation, dilation, length, *rest))
    x = ops.swapaxes(x, 1, 2)  # (batch, length, dilation, ...)
    return ops.reshape(x, (folded_batch // dilation, length * dilation, *rest))


def _attend_contiguous(query, key, value, key_mask, band):
    """Pad to whole blocks, walk them, cut the padding off."""
    length = ops.shape(query)[1]
    band = _clipped(band, length, ops.shape(key)[1])
    block = block_length(band.left, band.right)
    num_blocks = (length + block - 1) // block
    walk = tile.Walk(block, num_blocks, band)

    query_mask = key_mask[:, band.query_start : band.query_start + length]
    query_mask = tile.pad_sequence(query_mask, 0, num_blocks * block - length)
    key_mask = walk.align_keys(key_mask, axis=1)
    query = ops.swapaxes(query, 1, 2)  # (batch, heads, length, head_dim)
    query = tile.pad_sequence(query, 0, num_blocks * block - length, axis=2)
    key = walk.align_keys(ops.swapaxes(key, 1, 2), axis=2)
    value = walk.align_keys(ops.swapaxes(value, 1, 2), axis=2)

    @keras.ops.custom_gradient
    def recomputed(query, key, value):
        output, row_log_sum = tile.forward(
            walk, query, key, value, query_mask, key_mask
        )

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return tile.backward(
                walk,
                (query, key, value, query_mask, key_mask),
                (output, row_log_sum, upstream),
            )

        return output, gradient

    output = recomputed(query, key, value)[:, :, :length]
    return ops.swapaxes(output, 1, 2)  # (batch, length, heads, head_dim)


def _clipped(band, query_length, key_length):
    """A band no wider than the text, where the lengths are known."""
    left, right = band.left, band.right
    if isinstance(query_length, int) and isinstance(key_length, int):
        left = min(left, band.query_start + query_length - 1)
        right = min(right, key_length - 1)
    return tile.Band(left, right, band.scale, band.query_start)
