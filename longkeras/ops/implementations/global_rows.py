"""Global queries: rows that see every key, through projections of their own."""

import dataclasses

from keras import ops

from longkeras.ops.implementations import few_keys
from longkeras.ops.implementations import global_positions as positions_of
from longkeras.ops.implementations.band import add_slice
from longkeras.ops.implementations.masks import band_masks
from longkeras.ops.implementations.recomputed import with_gradient
from longkeras.ops.implementations.tile import score_dtype
from longkeras.ops.implementations.walk import smaller
from longkeras.ops.masking import masked_score, zero_masked

# Keys that the global queries of a chunk meet at once.
_TILE = 512


def replace(output, query, key, value, rule):
    """Replace the rows of global queries in an output.

    Rows are taken in chunks, as many as the text has: none costs nothing.

    Args:
        output: `(batch, sequence, heads, head_dim)`, what `banded_attention` answers.
        query: like `output`, the queries' projection for global rows.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        rule: `longkeras.ops.attention_rule.AttentionRule` with a `global_mask`.

    Returns:
        Tensor like `output`.
    """

    def forward(arguments, constants):
        rows = _GlobalRows(*arguments[1:], rule.with_tensors(constants))
        replaced, log_sum = rows.replace(rows.grouped(arguments[0]))
        return ops.reshape(replaced, ops.shape(output)), (replaced, log_sum)

    def backward(arguments, constants, kept, upstream):
        rows = _GlobalRows(*arguments[1:], rule.with_tensors(constants))
        gradients = rows.gradients(*kept, rows.grouped(upstream))
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip(gradients, arguments, strict=True)
        )

    arguments = (output, query, key, value)
    return with_gradient(forward, backward)(arguments, rule.tensors)


class _GlobalRows:
    """The global rows of one call."""

    def __init__(self, query, key, value, rule):
        self.rule = rule
        self.is_global = rule.global_keys()
        self.positions = positions_of.find(self.is_global)
        masks = band_masks(query, key, rule)
        self.masks = dataclasses.replace(masks, keys=rule.key_mask)
        self.kv_heads = key.shape[2]
        self.query, self.key, self.value = self.grouped(query), key, value

    def grouped(self, x):
        """`(batch, sequence, heads, d)` to `(batch, sequence, kv_heads, groups, d)`."""
        batch_size, length, num_heads, size = ops.shape(x)
        groups = num_heads // self.kv_heads
        return ops.reshape(x, (batch_size, length, self.kv_heads, groups, size))

    def replace(self, output):
        """`(output, log_sum)`, both with the rows of the global queries."""
        query, key, value = self.query, self.key, self.value
        dtype = score_dtype(query)
        lowest = masked_score(dtype)

        def chunk(n, carry):
            output, log_sum = carry
            positions, is_global = self.positions.taken(n)
            rows = positions_of.gather(query, positions)

            def tile(j, seen):
                keys, masks = self._tile(j, key, value, positions, is_global)
                return few_keys.join(rows, *keys, masks, self.rule.scale, seen)

            nothing = ops.full(ops.shape(rows)[:4], lowest, dtype=dtype)
            seen = (ops.zeros_like(rows), nothing)
            seen = ops.fori_loop(0, _num_tiles(key), tile, seen)
            return tuple(
                positions_of.scatter(total, positions, is_global, part)
                for total, part in zip((output, log_sum), seen, strict=True)
            )

        log_sum = ops.zeros(ops.shape(query)[:4], dtype=dtype)
        return ops.fori_loop(0, self.positions.num_chunks, chunk, (output, log_sum))

    def gradients(self, output, log_sum, upstream):
        """The gradients of output, query, key and value, in the dtype of scores."""
        query, key, value = self.query, self.key, self.value
        kept = (output, log_sum)
        dtype = score_dtype(query)
        lowest = masked_score(dtype)

        def chunk(n, carry):
            query_gradient, *others = carry
            positions, is_global = self.positions.taken(n)
            rows, output, log_sum, upstream_rows = (
                positions_of.gather(x, positions) for x in (query, *kept, upstream)
            )
            seen = is_global[:, :, None, None]
            seen = ops.logical_and(seen, log_sum > 0.5 * lowest)
            results = (output, ops.where(seen, log_sum, -lowest), upstream_rows)

            def tile(j, carry):
                rows_gradient, *others = carry
                keys, masks = self._tile(j, key, value, positions, is_global)
                rows_gradient, *few = few_keys.gradients(
                    rows, *keys, results, masks, self.rule.scale, rows_gradient
                )
                starts = (0, 0, 0, _tile_start(j, key))
                others = (
                    add_slice(total, starts, part)
                    for total, part in zip(others, few, strict=True)
                )
                return (rows_gradient, *others)

            carry = (ops.zeros(ops.shape(rows), dtype=dtype), *others)
            rows_gradient, *others = ops.fori_loop(0, _num_tiles(key), tile, carry)
            query_gradient = positions_of.scatter(
                query_gradient, positions, is_global, rows_gradient
            )
            return (query_gradient, *others)

        batch_size, length, num_heads, head_dim = ops.shape(key)
        by_position = (batch_size, num_heads, head_dim, length)
        carry = (
            ops.zeros(ops.shape(query), dtype=dtype),
            ops.zeros(by_position, dtype=dtype),
            ops.zeros(by_position, dtype=dtype),
        )
        gradients = ops.fori_loop(0, self.positions.num_chunks, chunk, carry)
        query_gradient, *others = gradients
        others = (ops.transpose(x, (0, 3, 1, 2)) for x in others)
        passed_on = zero_masked(upstream, ops.logical_not(self.is_global))
        return (passed_on, query_gradient, *others)

    def _tile(self, j, key, value, positions, is_global):
        """Tile j of the keys, and who of the chunk's rows sees them."""
        start = _tile_start(j, key)
        batch_size = ops.shape(key)[0]
        size = smaller(_TILE, ops.shape(key)[1])

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
        masks, is_causal = self.masks, self.rule.pattern.is_causal
        masks = dataclasses.replace(
            masks,
            keys=keys,
            queries=is_global,
            key_documents=cut(masks.key_documents),
            query_documents=positions_of.gather(masks.query_documents, positions),
            key_numbers=cut(masks.key_numbers),
            query_numbers=positions_of.gather(masks.query_numbers, positions),
            key_positions=key_positions if is_causal else None,
            query_positions=positions if is_causal else None,
        )
        return (cut(key), cut(value)), masks


def _num_tiles(key):
    length = ops.shape(key)[1]
    size = smaller(_TILE, length)
    return (length + size - 1) // size


def _tile_start(j, key):
    length = ops.shape(key)[1]
    size = smaller(_TILE, length)
    return smaller(j * size, length - size)
