"""The global positions of every row, in chunks: any number, found at run time."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels.tile_schedule import smaller

CHUNK = 32


@dataclasses.dataclass(frozen=True)
class GlobalPositions:
    """Positions in which the global ones come first.

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


def find(global_mask, chunk=CHUNK):
    """The global positions of a mask.

    Args:
        global_mask: bool `(batch, length)`.
        chunk: int, the most positions of a chunk. Defaults to 32.

    Returns:
        `GlobalPositions`.
    """
    order = ops.argsort(ops.cast(ops.logical_not(global_mask), "int32"), axis=1)
    counts = ops.sum(ops.cast(global_mask, "int32"), axis=1)
    chunk = smaller(chunk, ops.shape(global_mask)[1])
    num_chunks = (ops.max(counts) + (chunk - 1)) // chunk
    return GlobalPositions(ops.cast(order, "int32"), counts, num_chunks, chunk)


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
