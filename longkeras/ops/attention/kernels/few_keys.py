"""Attention of every query to a few keys, joined with what the query saw before.

The keys of one call are one tile for all queries. Called for one set of keys after
another it gives the softmax over all of them, whatever their number, since two
softmaxes join exactly through their log-sum-exp.
"""

from keras import ops

from longkeras.ops.attention.kernels import band, tile
from longkeras.ops.attention.kernels.tile_schedule import plan
from longkeras.ops.attention.masking import masked_score

# A reach that no text has: the band of a query is then every key.
_UNBOUNDED = 2**29


def walk_for(query, key):
    """The walk over all queries, every key in each tile."""
    return plan(query, key, _UNBOUNDED, _UNBOUNDED, query_start=0)


def join(query, key, value, masks, scale, seen_before):
    """Add keys to what every query has seen.

    Args:
        query: `(batch, queries, kv_heads, groups, head_dim)`.
        key: `(batch, few, kv_heads, head_dim)`.
        value: as `key`.
        masks: `longkeras.ops.attention.kernels.tile.Masks`.
        scale: float.
        seen_before: `(output, log_sum)` as `band.forward` returns them. They are
            given up.

    Returns:
        `(output, log_sum)` over both.
    """
    groups = query.shape[3]
    dtype = tile.score_dtype(query)
    lowest = masked_score(dtype)

    def step(t, carry):
        walk = walk_for(query, key)
        place = walk.place(t)
        output, log_sum = carry
        query_block = tile.query_block(walk, place, query, masks, scale)
        key_tile = tile.key_tile(walk, place, key, masks)
        value_tile = tile.key_tile(walk, place, value, masks)
        scores = ops.matmul(query_block, ops.swapaxes(key_tile, 2, 3))
        scores = tile.by_group(walk, ops.cast(scores, dtype), groups)
        seen = ops.logical_and(
            tile.allowed(walk, place, masks), band.new_queries(walk, place)
        )
        scores = ops.where(seen, scores, lowest)
        before = tile.row_statistic(walk, place, log_sum)
        highest = ops.maximum(before, ops.max(scores, axis=-1, keepdims=True))
        weights = ops.where(seen, ops.exp(scores - highest), 0.0)
        share_before = ops.exp(before - highest)
        total = ops.sum(weights, axis=-1, keepdims=True) + share_before
        factor = tile.keep_factor(walk, place, masks, dtype)
        if factor is not None:
            weights = weights * factor
        weights = ops.cast(tile.joined(walk, weights), value_tile.dtype)
        rows = ops.cast(ops.matmul(weights, value_tile), dtype)
        rows_before = tile.query_block(walk, place, output, masks)
        rows = rows + ops.cast(rows_before, dtype) * tile.joined(walk, share_before)
        rows = tile.by_group(walk, rows, groups) / total
        is_answered = band.answered(walk, place, masks, highest > 0.5 * lowest)
        rows = ops.where(is_answered, rows, 0.0)
        log_total = ops.where(is_answered, highest + ops.log(total), lowest)
        return (
            tile.write_block(walk, place, output, rows),
            tile.write_statistic(walk, place, log_sum, log_total),
        )

    return ops.fori_loop(0, walk_for(query, key).num_steps, step, seen_before)


def gradients(query, key, value, results, masks, scale, query_gradient):
    """What a few keys add to the gradients.

    Args:
        query: as `join`, and so are `key`, `value`, `masks` and `scale`.
        results: as `band.backward`.
        query_gradient: like `query`, in the dtype of scores. It is given up.

    Returns:
        `(query_gradient, key_gradient, value_gradient)`, the last two
        `(batch, kv_heads, head_dim, few)`.
    """

    def step(t, carry):
        walk = walk_for(query, key)
        place = walk.place(t)
        query_gradient, key_gradient, value_gradient = carry
        key_tile = tile.key_tile(walk, place, key, masks)
        value_tile = tile.key_tile(walk, place, value, masks)
        block = band.GradientBlock(walk, place, query, results, masks, scale)
        seen = ops.logical_and(
            tile.allowed(walk, place, masks), band.new_queries(walk, place)
        )
        factor = tile.keep_factor(walk, place, masks, block.dtype)
        block.recompute(key_tile, value_tile, seen, factor)
        starts = (place.row, place.head, 0, 0)
        return (
            block.add_to_query(query_gradient, key_tile),
            band.add_slice(key_gradient, starts, block.key_gradient()),
            band.add_slice(value_gradient, starts, block.value_gradient()),
        )

    batch_size, few, num_heads, head_dim = ops.shape(key)
    shape = (batch_size, num_heads, head_dim, few)
    empty = ops.zeros(shape, dtype=tile.score_dtype(query))
    initial = (query_gradient, empty, ops.zeros_like(empty))
    return ops.fori_loop(0, walk_for(query, key).num_steps, step, initial)
