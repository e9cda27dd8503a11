"""Global keys: seen by every query, in chunks, any number found at run time."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import online_softmax
from longkeras.ops.attention.kernels.online_softmax import ALL_KEYS
from longkeras.ops.attention.kernels.tile import Masks
from longkeras.ops.attention.kernels.tile_schedule import smaller
from longkeras.ops.attention.spec import global_order

CHUNK = 32


@dataclasses.dataclass(frozen=True)
class GlobalPositions:
    """The global positions of each row, any number of them, in chunks.

    Args:
        order: int32 `(batch, length)`: all positions of a row, global ones first.
        counts: int32 `(batch,)`, global positions of each row.
        num_chunks: int32 scalar tensor: as many as the fullest row needs.
        chunk: int or int32 scalar tensor, positions of a chunk.
    """

    order: object
    counts: object
    num_chunks: object
    chunk: object

    @classmethod
    def of(cls, spec, chunk=CHUNK):
        """The global positions of an `AttentionSpec` with a `global_mask`.

        Args:
            spec: `longkeras.ops.attention.spec.AttentionSpec`.
            chunk: int, the most positions of a chunk. Defaults to 32.
        """
        global_keys = spec.global_keys()
        order = spec.global_order
        if order is None:
            order = global_order(global_keys)
        counts = ops.sum(ops.cast(global_keys, "int32"), axis=1)
        chunk = smaller(chunk, ops.shape(global_keys)[1])
        num_chunks = (ops.max(counts) + (chunk - 1)) // chunk
        return cls(order, counts, num_chunks, chunk)

    def taken(self, n):
        """Chunk n: `(positions, is_global)`, int32 and bool `(batch, chunk)`.

        Positions of one chunk are different, also where they are not global.
        """
        batch_size, length = ops.shape(self.order)
        chunk = self.chunk
        start = n * chunk
        inside = smaller(start, length - chunk)
        positions = ops.slice(self.order, (0, inside), (batch_size, chunk))
        rank = inside + ops.arange(chunk, dtype="int32")
        is_global = ops.logical_and(rank >= start, rank < self.counts[:, None])
        return positions, is_global


@dataclasses.dataclass(frozen=True)
class GlobalKeys:
    """Global keys, and the masks that hide them from some queries."""

    positions: GlobalPositions
    masks: Masks
    query_positions: object
    spec: object

    @classmethod
    def of(cls, query, masks, spec):
        """The global keys of a call, or None without a global mask.

        Args:
            query: `(batch, queries, heads, head_dim)`.
            masks: `Masks` of the band.
            spec: `longkeras.ops.attention.spec.AttentionSpec`.
        """
        if spec.global_mask is None:
            return None
        query_positions = None
        if spec.pattern.is_causal:
            batch_size, length = ops.shape(query)[:2]
            query_positions = spec.query_start + ops.arange(length, dtype="int32")
            query_positions = ops.broadcast_to(query_positions, (batch_size, length))
        return cls(GlobalPositions.of(spec), masks, query_positions, spec)

    def merge(self, query, key, value, before):
        """Merge the global keys into `before`; see `online_softmax.forward`."""

        def step(n, before):
            positions, masks = self._chunk(n)
            taken = (gather(x, positions) for x in (key, value))
            return online_softmax.forward(
                query, *taken, masks, self.spec.scale, ALL_KEYS, before
            )

        return ops.fori_loop(0, self.positions.num_chunks, step, before)

    def add_gradients(self, inputs, results, gradients):
        """Add the gradients through global keys to those of the band."""
        query, key, value = inputs

        def step(n, carry):
            query_gradient, *others = carry
            positions, masks = self._chunk(n)
            taken = (gather(x, positions) for x in (key, value))
            query_gradient, *few = online_softmax.backward(
                (query, *taken),
                results,
                masks,
                self.spec.scale,
                ALL_KEYS,
                query_gradient,
            )
            others = (
                scatter_add(total, positions, ops.transpose(addend, (0, 3, 1, 2)))
                for total, addend in zip(others, few, strict=True)
            )
            return (query_gradient, *others)

        return ops.fori_loop(0, self.positions.num_chunks, step, tuple(gradients))

    def _chunk(self, n):
        positions, is_global = self.positions.taken(n)
        masks = dataclasses.replace(
            self.masks,
            keys=is_global,
            key_documents=gather(self.masks.key_documents, positions),
            key_numbers=gather(self.masks.key_numbers, positions),
            key_positions=positions if self.spec.pattern.is_causal else None,
            query_positions=self.query_positions,
        )
        return positions, masks


def gather(x, positions):
    """`(batch, length, ...)` at `(batch, chunk)` positions: `(batch, chunk, ...)`."""
    if x is None:
        return None
    index = ops.reshape(positions, (*ops.shape(positions), *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, index, axis=1)


def scatter_add(total, positions, addend):
    """Add `(batch, chunk, ...)` to `(batch, length, ...)` at different positions."""
    return ops.scatter_update(
        total, _indices(positions), _flat(addend), reduction="add"
    )


def scatter(total, positions, is_global, rows):
    """Replace the rows of `(batch, length, ...)` at the positions that are global."""
    shape = (*ops.shape(positions), *[1] * (len(rows.shape) - 2))
    kept = gather(total, positions)
    rows = ops.where(ops.reshape(is_global, shape), ops.cast(rows, total.dtype), kept)
    return ops.scatter_update(total, _indices(positions), _flat(rows))


def _indices(positions):
    """`(batch * chunk, 2)`: the row and the position of each."""
    batch_size, chunk = ops.shape(positions)
    rows = ops.arange(batch_size, dtype="int32")[:, None]
    rows = ops.broadcast_to(rows, (batch_size, chunk))
    return ops.stack([ops.reshape(rows, (-1,)), ops.reshape(positions, (-1,))], axis=1)


def _flat(rows):
    """`(batch, chunk, ...)` to `(batch * chunk, ...)`."""
    return ops.reshape(rows, (-1, *rows.shape[2:]))
