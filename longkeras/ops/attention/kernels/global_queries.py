"""Global-query attention: queries that see every key, through their own projections."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import online_softmax
from longkeras.ops.attention.kernels.global_keys import (
    GlobalPositions,
    gather,
    scatter,
)
from longkeras.ops.attention.kernels.online_softmax import ALL_KEYS
from longkeras.ops.attention.kernels.tile import Masks, score_dtype
from longkeras.ops.attention.kernels.tile_schedule import smaller
from longkeras.ops.attention.visibility import masked_score, zero_masked
from longkeras.ops.backend.custom_gradient import custom_gradient

# Keys that the rows meet at once.
_TILE = 512


def replace(output, query, key, value, spec):
    """Replace the rows of global queries in an output.

    Rows are answered in chunks, as many as the text has; without any, nothing is done.

    Args:
        output: `(batch, sequence, heads, head_dim)`, the answers of the band.
        query: like `output`, the queries' projection for global rows.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.

    Returns:
        Tensor like `output`.
    """

    def forward(arguments, constants):
        output, *projected = arguments
        rows = GlobalQueries(*projected, spec.with_tensors(constants))
        shape = ops.shape(output)
        output = grouped(output, rows.kv_heads)
        log_sum = ops.zeros(ops.shape(output)[:4], dtype=score_dtype(output))
        kept = rows.replace((output, log_sum))
        return ops.reshape(kept[0], shape), kept

    def backward(arguments, constants, kept, upstream):
        rows = GlobalQueries(*arguments[1:], spec.with_tensors(constants))
        passed_on = zero_masked(upstream, ops.logical_not(rows.is_global))
        gradients = rows.gradients(kept, grouped(upstream, rows.kv_heads))
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip((passed_on, *gradients), arguments, strict=True)
        )

    arguments = (output, query, key, value)
    return custom_gradient(forward, backward)(arguments, spec.tensors)


class GlobalQueries:
    """The global queries of a call, answered in chunks.

    Args:
        query: `(batch, sequence, heads, head_dim)`.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.
    """

    def __init__(self, query, key, value, spec):
        self.is_global = spec.global_keys()
        self.positions = GlobalPositions.of(spec)
        self.kv_heads = key.shape[2]
        self.query = grouped(query, self.kv_heads)
        self.all_keys = AllKeys(query, key, value, spec)

    def replace(self, kept):
        """Put the rows of the global queries into `(output, log_sum)`.

        Args:
            kept: tensors `(batch, sequence, kv_heads, groups, ...)`.

        Returns:
            Tensors like `kept`.
        """

        def chunk(n, kept):
            positions, is_global = self.positions.taken(n)
            rows = gather(self.query, positions)
            seen = self.all_keys.answer(rows, positions, is_global)
            return tuple(
                scatter(total, positions, is_global, part)
                for total, part in zip(kept, seen, strict=True)
            )

        return ops.fori_loop(0, self.positions.num_chunks, chunk, kept)

    def gradients(self, kept, upstream):
        """The gradients of query, key and value, in the dtype of scores.

        Args:
            kept: what `replace` returned.
            upstream: like the output in it, the gradient of the rows.

        Returns:
            Tensors: one `(batch, sequence, kv_heads, groups, head_dim)`, two
            `(batch, sequence, kv_heads, head_dim)`.
        """

        def chunk(n, carry):
            query_gradient, *others = carry
            positions, is_global = self.positions.taken(n)
            rows, *results = (
                gather(x, positions) for x in (self.query, *kept, upstream)
            )
            rows_gradient, *others = self.all_keys.gradients(
                rows, results, positions, is_global, others
            )
            query_gradient = scatter(
                query_gradient, positions, is_global, rows_gradient
            )
            return (query_gradient, *others)

        empty = ops.zeros(ops.shape(self.query), dtype=score_dtype(self.query))
        carry = (empty, *self.all_keys.no_gradients())
        gradients = ops.fori_loop(0, self.positions.num_chunks, chunk, carry)
        by_position = (0, 3, 1, 2)
        return gradients[0], *(ops.transpose(x, by_position) for x in gradients[1:])


class AllKeys:
    """The keys of a text, seen by some queries, tile after tile.

    Args:
        query: `(batch, sequence, heads, ...)`, of which only the shape counts.
        key: `(batch, sequence, kv_heads, d)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.
    """

    def __init__(self, query, key, value, spec):
        self.key, self.value, self.spec = key, value, spec
        masks = Masks.of_band(query, key, spec)
        # Global keys are seen with the others.
        self.masks = dataclasses.replace(masks, keys=spec.key_mask)

    def answer(self, rows, positions, is_asked):
        """Answer rows from all keys.

        Args:
            rows: `(batch, few, kv_heads, groups, d)`, the queries.
            positions: int32 `(batch, few)`, where they stand.
            is_asked: bool `(batch, few)`; the others are answered by zeros.

        Returns:
            `(output, log_sum)`, as `online_softmax.forward`, both in the dtype of
            scores.
        """

        def tile(j, seen):
            keys, masks = self._tile(j, positions, is_asked)
            return online_softmax.forward(
                rows, *keys, masks, self.spec.scale, ALL_KEYS, seen
            )

        dtype = score_dtype(rows)
        nothing = ops.full(ops.shape(rows)[:4], masked_score(dtype), dtype=dtype)
        seen = (ops.zeros(ops.shape(rows), dtype=dtype), nothing)
        return ops.fori_loop(0, self._num_tiles(), tile, seen)

    def no_gradients(self):
        """Zeros to add to: `(batch, kv_heads, d, sequence)` for keys and values."""
        batch_size, length, num_heads, size = ops.shape(self.key)
        dtype = score_dtype(self.key)
        return tuple(
            ops.zeros((batch_size, num_heads, size, length), dtype=dtype)
            for _ in range(2)
        )

    def gradients(self, rows, results, positions, is_asked, totals):
        """The gradient of rows, and what they add to those of keys and values.

        Args:
            rows: as `answer`, and so are `positions` and `is_asked`.
            results: `(output, log_sum, upstream)` of the rows.
            totals: as `no_gradients`. They are given up.

        Returns:
            The gradient of `rows` in the dtype of scores, and the two totals.
        """
        output, log_sum, upstream = results
        dtype = score_dtype(rows)
        lowest = masked_score(dtype)
        seen = ops.logical_and(is_asked[:, :, None, None], log_sum > 0.5 * lowest)
        results = (output, ops.where(seen, log_sum, -lowest), upstream)

        def tile(j, carry):
            rows_gradient, *totals = carry
            keys, masks = self._tile(j, positions, is_asked)
            rows_gradient, *few = online_softmax.backward(
                (rows, *keys), results, masks, self.spec.scale, ALL_KEYS, rows_gradient
            )
            starts = (0, 0, 0, self._start(j))
            totals = (
                online_softmax.add_slice(total, starts, part)
                for total, part in zip(totals, few, strict=True)
            )
            return (rows_gradient, *totals)

        carry = (ops.zeros(ops.shape(rows), dtype=dtype), *totals)
        return ops.fori_loop(0, self._num_tiles(), tile, carry)

    def _tile(self, j, positions, is_asked):
        """Tile j of keys and values, and the masks between rows and its keys."""
        start = self._start(j)
        batch_size = ops.shape(self.key)[0]
        size = self._size()

        def cut(x):
            if x is None:
                return None
            starts = (0, start, *[0] * (len(x.shape) - 2))
            return ops.slice(x, starts, (batch_size, size, *x.shape[2:]))

        key_positions = start + ops.arange(size, dtype="int32")
        key_positions = ops.broadcast_to(key_positions, (batch_size, size))
        # The last tile is moved inwards and holds keys of the tile before.
        keys = key_positions >= j * size
        if self.masks.keys is not None:
            keys = ops.logical_and(keys, cut(self.masks.keys))
        masks, is_causal = self.masks, self.spec.pattern.is_causal
        masks = dataclasses.replace(
            masks,
            keys=keys,
            queries=is_asked,
            key_documents=cut(masks.key_documents),
            query_documents=gather(masks.query_documents, positions),
            key_numbers=cut(masks.key_numbers),
            query_numbers=gather(masks.query_numbers, positions),
            key_positions=key_positions if is_causal else None,
            query_positions=positions if is_causal else None,
        )
        return (cut(self.key), cut(self.value)), masks

    def _size(self):
        return smaller(_TILE, ops.shape(self.key)[1])

    def _num_tiles(self):
        size = self._size()
        return (ops.shape(self.key)[1] + size - 1) // size

    def _start(self, j):
        size = self._size()
        return smaller(j * size, ops.shape(self.key)[1] - size)


def grouped(x, kv_heads):
    """`(batch, sequence, heads, d)` to `(batch, sequence, kv_heads, groups, d)`."""
    batch_size, length, num_heads, size = ops.shape(x)
    return ops.reshape(x, (batch_size, length, kv_heads, num_heads // kv_heads, size))
