"""Global keys: seen by every query, chunk after chunk, however many there are."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import few_keys
from longkeras.ops.attention.kernels import global_positions as positions_of
from longkeras.ops.attention.kernels.band_masks import band_masks
from longkeras.ops.attention.kernels.tile import Masks


def of(query, key, spec):
    """The global keys of a call, or None without a mask.

    Args:
        query: `(batch, queries, heads, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        `GlobalColumns` or None.
    """
    if spec.global_mask is None:
        return None
    query_positions = None
    if spec.pattern.is_causal:
        batch_size, length = ops.shape(query)[:2]
        query_positions = spec.query_start + ops.arange(length, dtype="int32")
        query_positions = ops.broadcast_to(query_positions, (batch_size, length))
    found = positions_of.find(spec.global_keys())
    return GlobalColumns(found, band_masks(query, key, spec), query_positions, spec)


@dataclasses.dataclass(frozen=True)
class GlobalColumns:
    """Global keys and what hides them from some queries."""

    positions: positions_of.GlobalPositions
    masks: Masks
    query_positions: object
    spec: object

    def join(self, query, key, value, seen_before):
        """Let every query see the global keys too; see `few_keys.join`."""

        def step(n, seen):
            positions, masks = self._chunk(n)
            taken = (positions_of.gather(x, positions) for x in (key, value))
            return few_keys.join(query, *taken, masks, self.spec.scale, seen)

        return ops.fori_loop(0, self.positions.num_chunks, step, seen_before)

    def add_gradients(self, inputs, results, gradients):
        """Add what the global keys give to the gradients of the band."""
        query, key, value = inputs

        def step(n, carry):
            query_gradient, *others = carry
            positions, masks = self._chunk(n)
            taken = (positions_of.gather(x, positions) for x in (key, value))
            query_gradient, *few = few_keys.gradients(
                query, *taken, results, masks, self.spec.scale, query_gradient
            )
            others = (
                positions_of.scatter_add(
                    total, positions, ops.transpose(addend, (0, 3, 1, 2))
                )
                for total, addend in zip(others, few, strict=True)
            )
            return (query_gradient, *others)

        return ops.fori_loop(0, self.positions.num_chunks, step, tuple(gradients))

    def _chunk(self, n):
        positions, is_global = self.positions.taken(n)
        masks = dataclasses.replace(
            self.masks,
            keys=is_global,
            key_documents=positions_of.gather(self.masks.key_documents, positions),
            key_numbers=positions_of.gather(self.masks.key_numbers, positions),
            key_positions=positions if self.spec.pattern.is_causal else None,
            query_positions=self.query_positions,
        )
        return positions, masks
