"""Dilation to batch: dilated windows as contiguous ones.

With a dilation of d a query sees only positions of its own residue modulo d. So the
positions of each residue become a text of the batch, and the window is contiguous.
"""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels.tile import Masks


@dataclasses.dataclass(frozen=True)
class DilationToBatch:
    """Moves the dilation of some heads to the batch axis.

    Args:
        dilation: int.
        heads: tuple of ints, query heads that have it; None for all of them.
        query_start: int, the position of the first query among the keys.
    """

    dilation: int
    heads: object
    query_start: int

    @property
    def shift(self):
        """Keys put in front, so that queries keep the residue of their position."""
        return -self.query_start % self.dilation

    @property
    def start_in_batch(self):
        """`query_start` in a text of the batch."""
        return (self.query_start + self.shift) // self.dilation

    def query(self, x, fill=0):
        """Queries `(batch, queries, kv_heads, groups, ...)`, padded with `fill`."""
        if x is None:
            return None
        if self.heads is not None:
            batch_size, length, kv_heads, groups, *rest = ops.shape(x)
            x = ops.reshape(x, (batch_size, length, kv_heads * groups, 1, *rest))
            x = ops.take(x, self.heads, axis=2)
        return self.to_batch(x, 0, fill)

    def key(self, x, groups):
        """Keys `(batch, keys, kv_heads, head_dim)`, each shared by `groups` heads."""
        if self.heads is not None:
            x = ops.take(x, [head // groups for head in self.heads], axis=2)
        return self.to_batch(x, self.shift)

    def to_batch(self, x, shift, fill=0):
        """`(batch, length, ...)` to `(batch * dilation, steps, ...)`."""
        dilation = self.dilation
        if x is None or dilation == 1:
            return x
        length = ops.shape(x)[1]
        around = [[0, 0] for _ in x.shape]
        around[1] = [shift, -(length + shift) % dilation]
        if shift or not isinstance(length, int) or length % dilation:
            value = ops.cast(fill, x.dtype)
            x = _padded(x, around[1], value)
        batch_size, length, *rest = ops.shape(x)
        x = ops.reshape(x, (batch_size, length // dilation, dilation, *rest))
        x = ops.swapaxes(x, 1, 2)  # (batch, dilation, steps, ...)
        return ops.reshape(x, (batch_size * dilation, length // dilation, *rest))

    def from_batch(self, x, length, shift=0):
        """The inverse of `to_batch`."""
        if self.dilation == 1:
            return x
        batches, steps, *rest = ops.shape(x)
        batch_size = batches // self.dilation
        x = ops.reshape(x, (batch_size, self.dilation, steps, *rest))
        x = ops.swapaxes(x, 1, 2)  # (batch, steps, dilation, ...)
        x = ops.reshape(x, (batch_size, steps * self.dilation, *rest))
        return x[:, shift : shift + length]

    def masks(self, masks, key):
        """`Masks` of the texts of the batch; their padding needs a mask of keys."""
        keys = masks.keys
        if keys is None and self.dilation > 1:
            keys = ops.ones(ops.shape(key)[:2], dtype="bool")
        return Masks(
            keys=self.to_batch(keys, self.shift),
            queries=self.to_batch(masks.queries, 0),
            key_documents=self.to_batch(masks.key_documents, self.shift),
            query_documents=self.to_batch(masks.query_documents, 0),
            dropout=masks.dropout,
            key_numbers=self.to_batch(masks.key_numbers, self.shift),
            query_numbers=self.query(masks.query_numbers),
        )


def dilated_heads(pattern, num_heads, query_start):
    """One `DilationToBatch` for each dilation of a pattern.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        num_heads: int, query heads.
        query_start: int.

    Returns:
        list of `DilationToBatch`.
    """
    dilations = pattern.head_dilations(num_heads)
    if len(set(dilations)) == 1:
        return [DilationToBatch(dilations[0], None, query_start)]
    heads = {}
    for head, dilation in enumerate(dilations):
        heads.setdefault(dilation, []).append(head)
    return [
        DilationToBatch(d, tuple(members), query_start) for d, members in heads.items()
    ]


def in_head_order(dilated_heads, parts):
    """Join `(batch, queries, heads, 1, ...)` parts into the order of all heads."""
    if len(parts) == 1:
        return parts[0]
    order = [head for dilated in dilated_heads for head in dilated.heads]
    joined = ops.concatenate(parts, axis=2)
    return ops.take(joined, [order.index(head) for head in range(len(order))], axis=2)


def _padded(x, around, value):
    before, after = around
    pieces = [x]
    for place, amount in ((0, before), (2, after)):
        if isinstance(amount, int) and amount == 0:
            continue
        shape = list(ops.shape(x))
        shape[1] = amount
        pieces.insert(place, ops.broadcast_to(value, shape))
    return ops.concatenate(pieces, axis=1)
