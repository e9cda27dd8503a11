"""Some queries that see every key of a text, tile after tile of the keys."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import few_keys
from longkeras.ops.attention.kernels import global_positions as positions_of
from longkeras.ops.attention.kernels.band import add_slice
from longkeras.ops.attention.kernels.band_masks import band_masks
from longkeras.ops.attention.kernels.tile import score_dtype
from longkeras.ops.attention.kernels.tile_schedule import smaller
from longkeras.ops.attention.masking import masked_score

# Keys that the rows meet at once.
_TILE = 512


class RowsOfAllKeys:
    """The keys of a text, and what hides them from a row.

    Args:
        query: `(batch, sequence, heads, ...)`, of which only the shape counts.
        key: `(batch, sequence, kv_heads, d)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.
    """

    def __init__(self, query, key, value, spec):
        self.key, self.value, self.spec = key, value, spec
        masks = band_masks(query, key, spec)
        self.masks = dataclasses.replace(masks, keys=spec.key_mask)

    def answer(self, rows, positions, is_asked):
        """Answer rows from all keys.

        Args:
            rows: `(batch, few, kv_heads, groups, d)`, the queries.
            positions: int32 `(batch, few)`, where they stand.
            is_asked: bool `(batch, few)`; the others are answered by zeros.

        Returns:
            `(output, log_sum)`, as `longkeras.ops.attention.kernels.band.forward`, both
            in the dtype of scores.
        """

        def tile(j, seen):
            keys, masks = self._tile(j, positions, is_asked)
            return few_keys.join(rows, *keys, masks, self.spec.scale, seen)

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
            rows_gradient, *few = few_keys.gradients(
                rows, *keys, results, masks, self.spec.scale, rows_gradient
            )
            starts = (0, 0, 0, self._start(j))
            totals = (
                add_slice(total, starts, part)
                for total, part in zip(totals, few, strict=True)
            )
            return (rows_gradient, *totals)

        carry = (ops.zeros(ops.shape(rows), dtype=dtype), *totals)
        return ops.fori_loop(0, self._num_tiles(), tile, carry)

    def _tile(self, j, positions, is_asked):
        """Tile j of keys and values, and who of the rows sees them."""
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
        # The last tile is moved inwards and holds keys of the one before.
        keys = key_positions >= j * size
        if self.masks.keys is not None:
            keys = ops.logical_and(keys, cut(self.masks.keys))
        masks, is_causal = self.masks, self.spec.pattern.is_causal
        masks = dataclasses.replace(
            masks,
            keys=keys,
            queries=is_asked,
            key_documents=cut(masks.key_documents),
            query_documents=positions_of.gather(masks.query_documents, positions),
            key_numbers=cut(masks.key_numbers),
            query_numbers=positions_of.gather(masks.query_numbers, positions),
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
