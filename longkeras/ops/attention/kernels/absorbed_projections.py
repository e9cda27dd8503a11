"""Global-query attention with absorbed projections.

Scores are `(W_q x) . (W_k y) = (W_k^T W_q x) . y`. With the key projection absorbed by
the queries, keys are the hidden states themselves, and the weighted sum of hidden
states is projected to a value afterwards. So with few global tokens, keys and values
are not projected for the whole sequence. With many, they are.
"""

from keras import ops

from longkeras.ops.attention.kernels.global_keys import (
    GlobalPositions,
    gather,
    scatter,
    scatter_add,
)
from longkeras.ops.attention.kernels.global_queries import (
    AllKeys,
    GlobalQueries,
    grouped,
)
from longkeras.ops.attention.kernels.tile import score_dtype
from longkeras.ops.attention.visibility import zero_masked
from longkeras.ops.backend.custom_gradient import custom_gradient

# The most global tokens of a row of the batch for which absorbing pays.
FEW = 64
# Rows answered at once, global or not.
_CHUNK = 8


def replace(output, hidden_states, query_weight, key_weight, value_weight, spec):
    """Replace the rows of global queries in an output.

    Args:
        output: `(batch, sequence, heads, head_dim)`, the answers of the band.
        hidden_states: `(batch, sequence, hidden_dim)`.
        query_weight: `(hidden_dim + 1, heads, head_dim)`, the projection of global
            queries, its bias as the last row.
        key_weight: `(hidden_dim + 1, kv_heads, head_dim)`, of the keys they see.
        value_weight: as `key_weight`, of what they read.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.

    Returns:
        Tensor like `output`.
    """

    def forward(arguments, constants):
        output, *rest = arguments
        text = _Text(output, *rest, spec.with_tensors(constants))
        shape = ops.shape(output)
        output = grouped(output, text.kv_heads)
        log_sum = ops.zeros(ops.shape(output)[:4], dtype=score_dtype(output))
        kept = text.absorbed().replace((output, log_sum))
        kept = ops.fori_loop(
            0, text.is_many, lambda n, kept: text.projected(n).replace(kept), kept
        )
        return ops.reshape(kept[0], shape), kept

    def backward(arguments, constants, kept, upstream):
        text = _Text(*arguments, spec.with_tensors(constants))
        passed_on = zero_masked(upstream, ops.logical_not(text.is_global))
        upstream = grouped(upstream, text.kv_heads)
        gradients = text.absorbed().gradients(kept, upstream)
        gradients = ops.fori_loop(
            0,
            text.is_many,
            lambda n, totals: text.add_gradients(n, kept, upstream, totals),
            gradients,
        )
        states_gradient, *weight_gradients = gradients
        gradients = (passed_on, states_gradient[..., :-1], *weight_gradients)
        return tuple(
            ops.cast(gradient, x.dtype)
            for gradient, x in zip(gradients, arguments, strict=True)
        )

    arguments = (output, hidden_states, query_weight, key_weight, value_weight)
    return custom_gradient(forward, backward)(arguments, spec.tensors)


class _Text:
    """Hidden states with a one for the bias, and the projections of global tokens."""

    def __init__(self, output, hidden_states, *weights_and_spec):
        *self.weights, self.spec = weights_and_spec
        self.like_query = output
        hidden_states = zero_masked(hidden_states, self.spec.key_mask)
        one = ops.ones((*ops.shape(hidden_states)[:2], 1), dtype=hidden_states.dtype)
        self.states = ops.concatenate([hidden_states, one], axis=-1)
        self.kv_heads = self.weights[1].shape[1]
        self.is_global = self.spec.global_keys()
        counts = ops.sum(ops.cast(self.is_global, "int32"), axis=1)
        self.is_many = ops.cast(ops.max(counts) > FEW, "int32")

    def absorbed(self):
        """The global rows if they are few; no row if they are many."""
        return _AbsorbedRows(self)

    def projected(self, n):
        """The global rows of a text that is projected as a whole.

        Called in step n = 0 of a loop of one step or none. XLA moves what does not
        depend on n out of the loop, where it would be computed in vain.
        """
        one = 1 - ops.cast(n, self.states.dtype)
        projected = (
            ops.einsum("bld,dhe->blhe", self.states, one * weight)
            for weight in self.weights
        )
        return GlobalQueries(*projected, self.spec)

    def add_gradients(self, n, kept, upstream, totals):
        """Add the gradients of `projected` to those of states and weights."""
        states_total, *weight_totals = totals
        gradients = self.projected(n).gradients(kept, upstream)
        added = []
        for weight, total, gradient in zip(
            self.weights, weight_totals, gradients, strict=True
        ):
            batch_size, length = ops.shape(gradient)[:2]
            gradient = ops.reshape(gradient, (batch_size, length, *weight.shape[1:]))
            added.append(total + ops.einsum("bld,blhe->dhe", self.states, gradient))
            states_total += ops.einsum("blhe,dhe->bld", gradient, weight)
        return (states_total, *added)


class _AbsorbedRows:
    """The global rows of a text, with the key projection absorbed by the queries."""

    def __init__(self, text):
        self.text = text
        self.query_weight, self.key_weight, self.value_weight = text.weights
        hidden_dim, num_heads, head_dim = self.query_weight.shape
        groups = num_heads // text.kv_heads
        self.query_weight = ops.reshape(
            self.query_weight, (hidden_dim, text.kv_heads, groups, head_dim)
        )
        self.positions = GlobalPositions.of(text.spec, _CHUNK)
        self.num_chunks = self.positions.num_chunks * (1 - text.is_many)
        keys = text.states[:, :, None]  # one head for all
        self.all_keys = AllKeys(text.like_query, keys, keys, text.spec)

    def replace(self, kept):
        """As `GlobalQueries.replace`."""

        def chunk(n, kept):
            positions, is_global = self.positions.taken(n)
            asked = gather(self.text.states, positions)
            rows = self._absorbed(self._queries(asked), self.key_weight)
            read, log_sum = self.all_keys.answer(rows, positions, is_global)
            output = self._projected(read, self.value_weight)
            seen = (output, ops.reshape(log_sum, ops.shape(output)[:4]))
            return tuple(
                scatter(total, positions, is_global, part)
                for total, part in zip(kept, seen, strict=True)
            )

        return ops.fori_loop(0, self.num_chunks, chunk, kept)

    def gradients(self, kept, upstream):
        """The gradients of states and weights, in the dtype of scores.

        Args:
            kept: what `replace` returned.
            upstream: like the output in it, the gradient of the rows.

        Returns:
            Tensors like the text's `states` and its three `weights`.
        """

        def chunk(n, carry):
            asked_total, query_total, key_total, value_total, *totals = carry
            positions, is_global = self.positions.taken(n)
            asked, log_sum, upstream_rows = (
                gather(x, positions) for x in (self.text.states, kept[1], upstream)
            )
            queries = self._queries(asked)
            rows = self._absorbed(queries, self.key_weight)
            read, _ = self.all_keys.answer(rows, positions, is_global)
            log_sum = ops.reshape(log_sum, ops.shape(rows)[:4])
            results = (read, log_sum, self._absorbed(upstream_rows, self.value_weight))
            rows_gradient, *totals = self.all_keys.gradients(
                rows, results, positions, is_global, totals
            )
            query_gradient = self._projected(rows_gradient, self.key_weight)
            asked_gradient = ops.einsum(
                "bckge,dkge->bcd", query_gradient, self.query_weight
            )
            return (
                scatter_add(asked_total, positions, asked_gradient),
                query_total + ops.einsum("bcd,bckge->dkge", asked, query_gradient),
                key_total + self._weight_gradient(rows_gradient, queries),
                value_total + self._weight_gradient(read, upstream_rows),
                *totals,
            )

        dtype = score_dtype(self.text.states)
        like = (self.text.states, self.query_weight, self.key_weight, self.value_weight)
        carry = [ops.zeros(ops.shape(x), dtype=dtype) for x in like]
        carry = (*carry, *self.all_keys.no_gradients())
        carry = ops.fori_loop(0, self.num_chunks, chunk, carry)
        states_total, query_total, *totals, as_keys, as_values = carry
        states_total += ops.transpose((as_keys + as_values)[:, 0], (0, 2, 1))
        query_total = ops.reshape(query_total, self.text.weights[0].shape)
        return (states_total, query_total, *totals)

    def _queries(self, asked):
        return ops.einsum("bcd,dkge->bckge", asked, self.query_weight)

    def _absorbed(self, rows, weight):
        """`(batch, few, kv_heads, groups, head_dim)`: `(batch, few, 1, heads, d)`."""
        rows = ops.einsum("bckge,dke->bckgd", rows, weight)
        batch_size, few, kv_heads, groups, size = ops.shape(rows)
        return ops.reshape(rows, (batch_size, few, 1, kv_heads * groups, size))

    def _projected(self, rows, weight):
        """The inverse: weighted sums of hidden states, projected by a weight."""
        return ops.einsum("bckgd,dke->bckge", self._by_group(rows), weight)

    def _weight_gradient(self, rows, projected):
        return ops.einsum("bckgd,bckge->dke", self._by_group(rows), projected)

    def _by_group(self, rows):
        _, kv_heads, groups, _ = self.query_weight.shape
        batch_size, few, *_, size = ops.shape(rows)
        return ops.reshape(rows, (batch_size, few, kv_heads, groups, size))
