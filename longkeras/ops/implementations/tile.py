"""One tile of banded attention, forward and backward, and the walk over the tiles."""

import dataclasses

from keras import ops

from longkeras.ops.masking import masked_score


@dataclasses.dataclass(frozen=True)
class Band:
    """A contiguous band: what one query sees, and where the first query stands."""

    left: int
    right: int
    scale: float
    query_start: int


@dataclasses.dataclass(frozen=True)
class Walk:
    """`num_blocks` blocks of `block` queries; block n meets keys from n * block on.

    Keys are laid out by `align_keys` so that the tile of block n is
    `[n * block, n * block + tile_length)`.
    """

    block: int
    num_blocks: object  # int, or a scalar tensor where the length is unknown
    band: Band

    @property
    def tile_length(self):
        return self.band.left + self.block + self.band.right

    def align_keys(self, x, axis):
        """Pad or cut so that the first tile starts at index 0 of `axis`."""
        length = ops.shape(x)[axis]
        before = self.band.left - self.band.query_start
        if before < 0:
            x = _slice_axis(x, -before, length + before, axis)
            length = length + before
            before = 0
        needed = self.num_blocks * self.block + self.band.left + self.band.right
        missing = needed - length - before
        known = isinstance(missing, int)
        after = max(missing, 0) if known else ops.maximum(missing, 0)
        x = pad_sequence(x, before, after, axis)
        return _slice_axis(x, 0, needed, axis)

    def block_of(self, x, n, axis):
        """Block n of a query-side tensor."""
        return _slice_axis(x, n * self.block, self.block, axis)

    def tile_of(self, x, n, axis):
        """The keys that block n can reach."""
        return _slice_axis(x, n * self.block, self.tile_length, axis)

    def visible(self, query_mask, key_mask, n):
        """Boolean `(batch, 1, block, tile)`: which keys of tile n each query sees."""
        offset = (
            ops.arange(self.tile_length, dtype="int32")
            - ops.arange(self.block, dtype="int32")[:, None]
        )
        in_band = ops.logical_and(
            offset >= 0, offset <= self.band.left + self.band.right
        )
        rows = self.block_of(query_mask, n, axis=1)[:, None, :, None]
        columns = self.tile_of(key_mask, n, axis=1)[:, None, None, :]
        return ops.logical_and(in_band, ops.logical_and(rows, columns))


def pad_sequence(x, before, after, axis=1):
    """Put `before` and `after` zeros (False) around `x` along `axis`."""
    pieces = [x]
    shape = list(ops.shape(x))
    if not (isinstance(before, int) and before == 0):
        shape[axis] = before
        pieces.insert(0, ops.zeros(shape, dtype=x.dtype))
    if not (isinstance(after, int) and after == 0):
        shape[axis] = after
        pieces.append(ops.zeros(shape, dtype=x.dtype))
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=axis)


def forward(walk, query, key, value, query_mask, key_mask):
    """Walk the blocks; return the output and each row's log-sum-exp of scores.

    Args:
        walk: `Walk`.
        query: `(batch, heads, blocks * block, head_dim)`.
        key: `(batch, heads, aligned, head_dim)`, from `Walk.align_keys`.
        value: as `key`.
        query_mask: bool `(batch, blocks * block)`.
        key_mask: bool `(batch, aligned)`.

    Returns:
        `(output, row_log_sum)`: like `query`, and float32
        `(batch, heads, blocks * block, 1)`.
    """

    def step(n, carry):
        output, row_log_sum = carry
        scores = _scores(walk, query, key, n)
        visible = walk.visible(query_mask, key_mask, n)
        scores = ops.where(visible, scores, masked_score("float32"))
        highest = ops.max(scores, axis=-1, keepdims=True)
        weights = ops.where(visible, ops.exp(scores - highest), 0.0)
        total = ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-30)
        rows = ops.matmul(ops.cast(weights, value.dtype), walk.tile_of(value, n, 2))
        rows = ops.cast(ops.cast(rows, "float32") / total, query.dtype)
        start = (0, 0, n * walk.block, 0)
        output = ops.slice_update(output, start, rows)
        row_log_sum = ops.slice_update(row_log_sum, start, highest + ops.log(total))
        return output, row_log_sum

    empty_log_sum = ops.zeros((*ops.shape(query)[:3], 1), dtype="float32")
    return ops.fori_loop(
        0, walk.num_blocks, step, (ops.zeros_like(query), empty_log_sum)
    )


def backward(walk, inputs, results):
    """Gradients of query, key and value; every tile is computed anew.

    Args:
        walk: `Walk`.
        inputs: what `forward` was given: `(query, key, value, query_mask, key_mask)`.
        results: `(output, row_log_sum, upstream)`, the last like `output`.

    Returns:
        Gradients like `query`, `key` and `value`.
    """
    query, key, value, query_mask, key_mask = inputs
    output, row_log_sum, upstream = results
    # d(softmax) needs each row's sum of weight * d(weight) = output . upstream.
    row_dot = ops.sum(
        ops.cast(output, "float32") * ops.cast(upstream, "float32"),
        axis=-1,
        keepdims=True,
    )  # (batch, heads, length, 1)

    def step(n, carry):
        query_gradient, key_gradient, value_gradient = carry
        query_block = walk.block_of(query, n, 2)
        upstream_block = walk.block_of(upstream, n, 2)
        scores = _scores(walk, query, key, n)
        visible = walk.visible(query_mask, key_mask, n)
        log_sum = walk.block_of(row_log_sum, n, 2)
        weights = ops.where(visible, ops.exp(scores - log_sum), 0.0)
        weight_gradient = ops.matmul(
            upstream_block, ops.swapaxes(walk.tile_of(value, n, 2), 2, 3)
        )
        score_gradient = weights * (
            ops.cast(weight_gradient, "float32") - walk.block_of(row_dot, n, 2)
        )
        score_gradient = ops.cast(score_gradient * walk.band.scale, query.dtype)
        weights = ops.cast(weights, query.dtype)
        query_rows = ops.matmul(score_gradient, walk.tile_of(key, n, 2))
        start = (0, 0, n * walk.block, 0)
        query_gradient = ops.slice_update(query_gradient, start, query_rows)
        key_gradient = _add_tile(
            walk,
            key_gradient,
            ops.matmul(ops.swapaxes(score_gradient, 2, 3), query_block),
            n,
        )
        value_gradient = _add_tile(
            walk,
            value_gradient,
            ops.matmul(ops.swapaxes(weights, 2, 3), upstream_block),
            n,
        )
        return query_gradient, key_gradient, value_gradient

    initial = (
        ops.zeros_like(query),
        ops.zeros(ops.shape(key), dtype="float32"),
        ops.zeros(ops.shape(value), dtype="float32"),
    )
    gradients = ops.fori_loop(0, walk.num_blocks, step, initial)
    return tuple(
        ops.cast(gradient, x.dtype)
        for gradient, x in zip(gradients, (query, key, value), strict=True)
    )


def _scores(walk, query, key, n):
    """Scaled float32 scores of block n: `(batch, heads, block, tile)`."""
    query_block = walk.block_of(query, n, 2)
    key_tile = walk.tile_of(key, n, 2)
    scores = ops.matmul(query_block, ops.swapaxes(key_tile, 2, 3))
    return ops.cast(scores, "float32") * walk.band.scale


def _add_tile(walk, total, addend, n):
    """Add the gradient of tile n to the gradient of all keys."""
    updated = walk.tile_of(total, n, 2) + ops.cast(addend, total.dtype)
    return ops.slice_update(total, (0, 0, n * walk.block, 0), updated)


def _slice_axis(x, start, length, axis):
    """`x[start : start + length]` along `axis`; `start` may be a tensor."""
    starts = [0] * len(x.shape)
    starts[axis] = start
    sizes = list(ops.shape(x))
    sizes[axis] = length
    return ops.slice(x, starts, sizes)
