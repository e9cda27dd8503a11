"""Global queries: rows that see every key, through projections of their own."""

from keras import ops

from longkeras.ops.attention.kernels import global_positions as positions_of
from longkeras.ops.attention.kernels.global_query_rows import RowsOfAllKeys, grouped
from longkeras.ops.attention.kernels.tile import score_dtype
from longkeras.ops.attention.masking import zero_masked
from longkeras.ops.backend.custom_gradient import custom_gradient


def replace(output, query, key, value, spec):
    """Replace the rows of global queries in an output.

    Rows are taken in chunks, as many as the text has: none costs nothing.

    Args:
        output: `(batch, sequence, heads, head_dim)`, what `banded_attention` answers.
        query: like `output`, the queries' projection for global rows.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.

    Returns:
        Tensor like `output`.
    """

    def forward(arguments, constants):
        output, *projected = arguments
        rows = GlobalRows(*projected, spec.with_tensors(constants))
        shape = ops.shape(output)
        output = grouped(output, rows.kv_heads)
        log_sum = ops.zeros(ops.shape(output)[:4], dtype=score_dtype(output))
        kept = rows.replace((output, log_sum))
        return ops.reshape(kept[0], shape), kept

    def backward(arguments, constants, kept, upstream):
        rows = GlobalRows(*arguments[1:], spec.with_tensors(constants))
        passed_on = zero_masked(upstream, ops.logical_not(rows.is_global))
        gradients = rows.gradients(kept, grouped(upstream, rows.kv_heads))
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip((passed_on, *gradients), arguments, strict=True)
        )

    arguments = (output, query, key, value)
    return custom_gradient(forward, backward)(arguments, spec.tensors)


class GlobalRows:
    """The global rows of one call, chunk after chunk.

    Args:
        query: `(batch, sequence, heads, head_dim)`.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.
    """

    def __init__(self, query, key, value, spec):
        self.is_global = spec.global_keys()
        self.positions = positions_of.find(self.is_global)
        self.kv_heads = key.shape[2]
        self.query = grouped(query, self.kv_heads)
        self.all_keys = RowsOfAllKeys(query, key, value, spec)

    def replace(self, kept):
        """Put the rows of the global queries into `(output, log_sum)`.

        Args:
            kept: tensors `(batch, sequence, kv_heads, groups, ...)`.

        Returns:
            Tensors like `kept`.
        """

        def chunk(n, kept):
            positions, is_global = self.positions.taken(n)
            rows = positions_of.gather(self.query, positions)
            seen = self.all_keys.answer(rows, positions, is_global)
            return tuple(
                positions_of.scatter(total, positions, is_global, part)
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
                positions_of.gather(x, positions) for x in (self.query, *kept, upstream)
            )
            rows_gradient, *others = self.all_keys.gradients(
                rows, results, positions, is_global, others
            )
            query_gradient = positions_of.scatter(
                query_gradient, positions, is_global, rows_gradient
            )
            return (query_gradient, *others)

        empty = ops.zeros(ops.shape(self.query), dtype=score_dtype(self.query))
        carry = (empty, *self.all_keys.no_gradients())
        gradients = ops.fori_loop(0, self.positions.num_chunks, chunk, carry)
        by_position = (0, 3, 1, 2)
        return gradients[0], *(ops.transpose(x, by_position) for x in gradients[1:])
