"""The band, tile by tile: forward, and its gradient from recomputed tiles."""

from keras import ops

from longkeras.ops.attention.kernels import tile
from longkeras.ops.attention.kernels.tile_schedule import plan
from longkeras.ops.attention.masking import masked_score
from longkeras.ops.backend.loops import write_slice


def forward(query, key, value, masks, scale, reach):
    """Answer every query from the keys of its band.

    Args:
        query: `(batch, queries, kv_heads, groups, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        value: as `key`.
        masks: `longkeras.ops.attention.kernels.tile.Masks`.
        scale: float.
        reach: `(left, right, query_start)`, ints.

    Returns:
        `(output, log_sum)`: like `query`, zeros where nothing is seen, and float32
        `(batch, queries, kv_heads, groups)`, the logarithm of the sum of the
        exponentials of the scores, `masked_score` where nothing is seen.
    """
    groups = query.shape[3]
    dtype = tile.score_dtype(query)
    lowest = masked_score(dtype)

    def step(t, carry):
        walk = plan(query, key, *reach)
        place = walk.place(t)
        output, log_sum = carry
        query_block = tile.query_block(walk, place, query, masks, scale)
        key_tile = tile.key_tile(walk, place, key, masks)
        scores = ops.matmul(query_block, ops.swapaxes(key_tile, 2, 3))
        scores = tile.by_group(walk, ops.cast(scores, dtype), groups)
        scores = ops.where(tile.visible(walk, place, masks), scores, lowest)
        highest = ops.max(scores, axis=-1, keepdims=True)
        weights = ops.exp(scores - highest)
        total = ops.sum(weights, axis=-1, keepdims=True)
        factor = tile.keep_factor(walk, place, masks, dtype)
        if factor is not None:
            weights = weights * factor
        value_tile = tile.key_tile(walk, place, value, masks)
        weights = ops.cast(tile.joined(walk, weights), value_tile.dtype)
        rows = ops.cast(ops.matmul(weights, value_tile), dtype)
        rows = tile.by_group(walk, rows, groups) / total
        # With no key seen every score is the lowest, and the weights mean nothing.
        seen = answered(walk, place, masks, highest > 0.5 * lowest)
        rows = ops.where(seen, rows, 0.0)
        log_total = ops.where(seen, highest + ops.log(total), lowest)
        return (
            tile.write_block(walk, place, output, rows),
            tile.write_statistic(walk, place, log_sum, log_total),
        )

    initial = (ops.zeros_like(query), ops.zeros(ops.shape(query)[:4], dtype=dtype))
    return ops.fori_loop(0, plan(query, key, *reach).num_steps, step, initial)


def answered(walk, place, masks, seen):
    """`seen` where the query is real."""
    if masks.queries is None:
        return seen
    is_real = tile.query_rows(walk, place, masks.queries)[:, None, None, :, None]
    return ops.logical_and(seen, is_real)


def backward(inputs, results, masks, scale, reach):
    """Gradients of query, key and value; every tile is computed anew.

    Keys' gradients are gathered with positions last: so every product here runs
    along rows of memory.

    Args:
        inputs: `(query, key, value)`, as `forward` was given them.
        results: `(output, log_sum, upstream)`; `log_sum` is over all keys that the
            answer came from, `-masked_score` where nothing was seen.
        masks: as `forward`, and so are `scale` and `reach`.

    Returns:
        Gradients like `query`, `key` and `value`, in the dtype of scores.
    """
    query, key, value = inputs
    dtype = tile.score_dtype(query)

    def step(t, carry):
        walk = plan(query, key, *reach)
        place = walk.place(t)
        query_gradient, key_gradient, value_gradient = carry
        key_tile = tile.key_tile(walk, place, key, masks)
        value_tile = tile.key_tile(walk, place, value, masks)
        seen = tile.visible(walk, place, masks)
        seen = ops.logical_and(seen, new_queries(walk, place))
        factor = tile.keep_factor(walk, place, masks, dtype)
        block = GradientBlock(walk, place, query, results, masks, scale)
        block.recompute(key_tile, value_tile, seen, factor)
        query_gradient = block.add_to_query(query_gradient, key_tile)
        starts = (place.row, place.head, 0, place.key)
        key_gradient = add_slice(key_gradient, starts, block.key_gradient())
        value_gradient = add_slice(value_gradient, starts, block.value_gradient())
        return query_gradient, key_gradient, value_gradient

    batch_size, key_length, num_heads, head_dim = ops.shape(key)
    by_position = (batch_size, num_heads, head_dim, key_length)
    initial = (
        ops.zeros(ops.shape(query), dtype=dtype),
        ops.zeros(by_position, dtype=dtype),
        ops.zeros(by_position, dtype=dtype),
    )
    num_steps = plan(query, key, *reach).num_steps
    gradients = ops.fori_loop(0, num_steps, step, initial)
    key_gradient, value_gradient = (
        ops.transpose(x, (0, 3, 1, 2)) for x in gradients[1:]
    )
    return gradients[0], key_gradient, value_gradient


class GradientBlock:
    """The gradient of one block of queries with respect to one tile of keys."""

    def __init__(self, walk, place, query, results, masks, scale):
        output, log_sum, upstream = results
        self.walk, self.place, self.scale = walk, place, scale
        self.dtype = tile.score_dtype(query)
        self.groups = query.shape[3]
        self.query = tile.query_block(walk, place, query, masks, scale)
        self.upstream = tile.query_block(walk, place, upstream, masks)
        self.log_sum = tile.row_statistic(walk, place, log_sum)
        output = tile.query_block(walk, place, output, masks)
        # d(softmax) needs each row's sum of weight * d(weight) = output . upstream.
        row_dot = ops.cast(output, self.dtype) * ops.cast(self.upstream, self.dtype)
        row_dot = ops.sum(row_dot, axis=-1, keepdims=True)
        self.row_dot = tile.by_group(walk, row_dot, self.groups)

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
        rows = tile.by_group(self.walk, rows, self.groups)
        place = self.place
        rows = ops.transpose(rows, (0, 3, 1, 2, 4))
        starts = (place.row, place.query, place.head, 0, 0)
        return add_slice(total, starts, rows)

    def key_gradient(self):
        """`(rows, heads, head_dim, tile)`."""
        return ops.matmul(_turned(self.query), self.score_gradient)

    def value_gradient(self):
        """`(rows, heads, head_dim, tile)`."""
        return ops.matmul(_turned(self.upstream), self.weights)

    def _scores(self, rows, columns):
        scores = ops.matmul(rows, ops.swapaxes(columns, 2, 3))
        return tile.by_group(self.walk, ops.cast(scores, self.dtype), self.groups)

    def _product(self, scores, dtype):
        return ops.cast(tile.joined(self.walk, scores), dtype)


def _turned(block):
    return ops.swapaxes(block, 2, 3)


def new_queries(walk, place):
    """Queries that no earlier step served: `(1, 1, 1, block, 1)`."""
    positions = place.query + ops.arange(walk.block, dtype="int32")
    return (positions >= place.new)[None, None, None, :, None]


def add_slice(total, starts, addend):
    """Add to a part of a tensor."""
    present = ops.slice(total, starts, ops.shape(addend))
    return write_slice(total, starts, present + ops.cast(addend, total.dtype))
