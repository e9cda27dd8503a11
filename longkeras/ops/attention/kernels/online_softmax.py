"""Online softmax over tiles of keys, and its gradient from recomputed tiles.

The softmax over several sets of keys is merged exactly from its parts through their
log-sum-exp: a window of the text first, then any other keys, one set after another.

Reference:
    [FlashAttention](https://arxiv.org/abs/2205.14135)
"""

from keras import ops

from longkeras.ops.attention.kernels import tile
from longkeras.ops.attention.kernels.tile_schedule import schedule_for
from longkeras.ops.attention.spec import UNBOUNDED
from longkeras.ops.attention.visibility import masked_score
from longkeras.ops.backend.loops import write_slice

# The window of queries that see all keys of a set, in one tile.
ALL_KEYS = (UNBOUNDED, UNBOUNDED, 0)


def forward(query, key, value, masks, scale, window, before=None):
    """Answer every query from the keys of its window.

    Args:
        query: `(batch, queries, kv_heads, groups, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        value: as `key`.
        masks: `longkeras.ops.attention.kernels.tile.Masks`.
        scale: float.
        window: `(left, right, query_start)`, ints; or `ALL_KEYS`.
        before: `(output, log_sum)` as this function returns them, over other keys: the
            result is over both. They are given up. Defaults to `None`.

    Returns:
        `(output, log_sum)`: like `query`, zeros where nothing is seen, and float32
        `(batch, queries, kv_heads, groups)`, the logarithm of the sum of the
        exponentials of the scores, `masked_score` where nothing is seen.
    """
    groups = query.shape[3]
    dtype = tile.score_dtype(query)
    lowest = masked_score(dtype)

    def step(t, carry):
        schedule = schedule_for(query, key, *window)
        index = schedule.index(t)
        output, log_sum = carry
        query_block = tile.query_block(schedule, index, query, masks, scale)
        key_tile = tile.key_tile(schedule, index, key, masks)
        scores = ops.matmul(query_block, ops.swapaxes(key_tile, 2, 3))
        scores = tile.by_group(schedule, ops.cast(scores, dtype), groups)
        seen, log_before = tile.visible(schedule, index, masks), None
        if before is not None:
            # What was seen before must not be merged twice.
            seen = ops.logical_and(seen, tile.new_queries(schedule, index))
            log_before = tile.row_statistic(schedule, index, log_sum)
        weights, total, highest, share_before = _softmax_parts(
            scores, seen, log_before, lowest
        )
        factor = tile.keep_factor(schedule, index, masks, dtype)
        if factor is not None:
            weights = weights * factor
        value_tile = tile.key_tile(schedule, index, value, masks)
        weights = ops.cast(tile.joined(schedule, weights), value_tile.dtype)
        rows = ops.cast(ops.matmul(weights, value_tile), dtype)
        if before is not None:
            rows_before = tile.query_block(schedule, index, output, masks)
            share_before = tile.joined(schedule, share_before)
            rows = rows + ops.cast(rows_before, dtype) * share_before
        rows = tile.by_group(schedule, rows, groups) / total
        # With no key seen every score is the lowest, and the weights mean nothing.
        is_answered = tile.answered(schedule, index, masks, highest > 0.5 * lowest)
        rows = ops.where(is_answered, rows, 0.0)
        log_total = ops.where(is_answered, highest + ops.log(total), lowest)
        return (
            tile.write_block(schedule, index, output, rows),
            tile.write_statistic(schedule, index, log_sum, log_total),
        )

    initial = before
    if before is None:
        log_sum = ops.zeros(ops.shape(query)[:4], dtype=dtype)
        initial = (ops.zeros_like(query), log_sum)
    num_steps = schedule_for(query, key, *window).num_steps
    return ops.fori_loop(0, num_steps, step, initial)


def _softmax_parts(scores, seen, log_before, lowest):
    """The softmax before its division.

    Returns:
        `(weights, total, highest, share_before)`: exponentials less the highest score,
        their sum, and in it the share of what was seen before, or None.
    """
    scores = ops.where(seen, scores, lowest)
    highest = ops.max(scores, axis=-1, keepdims=True)
    if log_before is None:
        weights = ops.exp(scores - highest)
        return weights, ops.sum(weights, axis=-1, keepdims=True), highest, None
    highest = ops.maximum(log_before, highest)
    weights = ops.where(seen, ops.exp(scores - highest), 0.0)
    share_before = ops.exp(log_before - highest)
    total = ops.sum(weights, axis=-1, keepdims=True) + share_before
    return weights, total, highest, share_before


def backward(inputs, results, masks, scale, window, query_gradient=None):
    """Gradients of query, key and value; every tile is computed again.

    Keys' gradients are gathered with positions last, so that every product here runs
    along rows of memory.

    Args:
        inputs: `(query, key, value)`, as `forward` was given them.
        results: `(output, log_sum, upstream)`; `log_sum` is over all keys that the
            answer came from, `-masked_score` where nothing was seen.
        masks: as `forward`, and so are `scale` and `window`.
        query_gradient: like `query`, in the dtype of scores, to add to. It is given
            up. Defaults to `None`, zeros.

    Returns:
        `(query_gradient, key_gradient, value_gradient)` in the dtype of scores, the
        last two `(batch, kv_heads, head_dim, keys)`.
    """
    query, key, value = inputs
    dtype = tile.score_dtype(query)

    def step(t, carry):
        schedule = schedule_for(query, key, *window)
        index = schedule.index(t)
        query_gradient, key_gradient, value_gradient = carry
        key_tile = tile.key_tile(schedule, index, key, masks)
        value_tile = tile.key_tile(schedule, index, value, masks)
        seen = tile.visible(schedule, index, masks)
        seen = ops.logical_and(seen, tile.new_queries(schedule, index))
        factor = tile.keep_factor(schedule, index, masks, dtype)
        block = _GradientBlock(schedule, index, query, results, masks, scale)
        block.recompute(key_tile, value_tile, seen, factor)
        starts = (index.row, index.head, 0, index.key)
        return (
            block.add_to_query(query_gradient, key_tile),
            add_slice(key_gradient, starts, block.key_gradient()),
            add_slice(value_gradient, starts, block.value_gradient()),
        )

    if query_gradient is None:
        query_gradient = ops.zeros(ops.shape(query), dtype=dtype)
    batch_size, key_length, num_heads, head_dim = ops.shape(key)
    by_position = (batch_size, num_heads, head_dim, key_length)
    initial = (
        query_gradient,
        ops.zeros(by_position, dtype=dtype),
        ops.zeros(by_position, dtype=dtype),
    )
    num_steps = schedule_for(query, key, *window).num_steps
    return ops.fori_loop(0, num_steps, step, initial)


class _GradientBlock:
    """The gradient of one block of queries with respect to one tile of keys."""

    def __init__(self, schedule, index, query, results, masks, scale):
        output, log_sum, upstream = results
        self.schedule, self.index, self.scale = schedule, index, scale
        self.dtype = tile.score_dtype(query)
        self.groups = query.shape[3]
        self.query = tile.query_block(schedule, index, query, masks, scale)
        self.upstream = tile.query_block(schedule, index, upstream, masks)
        self.log_sum = tile.row_statistic(schedule, index, log_sum)
        output = tile.query_block(schedule, index, output, masks)
        # d(softmax) needs each row's sum of weight * d(weight) = output . upstream.
        row_dot = ops.cast(output, self.dtype) * ops.cast(self.upstream, self.dtype)
        row_dot = ops.sum(row_dot, axis=-1, keepdims=True)
        self.row_dot = tile.by_group(schedule, row_dot, self.groups)

    def recompute(self, key_tile, value_tile, seen, factor):
        """The weights of the tile, and the gradient of its scores."""
        scores = self._scores(self.query, key_tile)
        weights = ops.where(seen, ops.exp(scores - self.log_sum), 0.0)
        weight_gradient = self._scores(self.upstream, value_tile)
        kept = weights
        if factor is not None:
            weight_gradient = weight_gradient * factor
            kept = weights * factor
        score_gradient = weights * (weight_gradient - self.row_dot)
        self.weights = self._product(kept, value_tile.dtype)
        self.score_gradient = self._product(score_gradient, key_tile.dtype)

    def add_to_query(self, total, key_tile):
        """Add the gradient of the queries to that of all queries."""
        rows = ops.matmul(self.score_gradient, key_tile)
        rows = ops.cast(rows, self.dtype) * self.scale
        rows = tile.by_group(self.schedule, rows, self.groups)
        index = self.index
        rows = ops.transpose(rows, (0, 3, 1, 2, 4))
        starts = (index.row, index.query, index.head, 0, 0)
        return add_slice(total, starts, rows)

    def key_gradient(self):
        """`(rows, heads, head_dim, tile)`."""
        return ops.matmul(_turned(self.query), self.score_gradient)

    def value_gradient(self):
        """`(rows, heads, head_dim, tile)`."""
        return ops.matmul(_turned(self.upstream), self.weights)

    def _scores(self, rows, columns):
        scores = ops.matmul(rows, ops.swapaxes(columns, 2, 3))
        return tile.by_group(self.schedule, ops.cast(scores, self.dtype), self.groups)

    def _product(self, scores, dtype):
        return ops.cast(tile.joined(self.schedule, scores), dtype)


def _turned(block):
    return ops.swapaxes(block, 2, 3)


def add_slice(total, starts, addend):
    """Add to a part of a tensor."""
    present = ops.slice(total, starts, ops.shape(addend))
    return write_slice(total, starts, present + ops.cast(addend, total.dtype))
