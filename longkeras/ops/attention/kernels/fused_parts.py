"""Queries and keys of each call of a fused attention kernel."""

import dataclasses

from longkeras.ops.attention.kernels.tile_schedule import block_length

# Entries of the keys that one call sees, on a CPU and on an accelerator.
_CALL_ENTRIES = {"cpu": 2**22}
_ACCELERATOR_CALL_ENTRIES = 2**26
# Blocks of a call at the ends of the text, where windows are cut short.
_BLOCKS_AT_ENDS = 4
# Up to this many keys one call for all queries is fastest.
_SHORT_TEXT = 256


@dataclasses.dataclass(frozen=True)
class Part:
    """One call: `count` blocks of one row, or one block of all rows.

    Block n holds the queries from `query + n * block` on, and sees `tile` keys from
    `key + n * block` on.
    """

    rows: slice
    query: int
    block: int
    count: int
    key: int
    tile: int

    @property
    def place(self):
        """Hashable, and different for every part of a call."""
        return self.rows.start, self.query

    def queries(self, x):
        """`(batch, queries, ...)` to `(texts, block, ...)`, a view."""
        return self._windows(x, self.query, self.block)

    def keys(self, x):
        """`(batch, keys, ...)` to `(texts, tile, ...)`, a view."""
        return self._windows(x, self.key, self.tile)

    def repeated(self, x):
        """`(rows, ...)` to `(texts, ...)`, the same for every block, a view."""
        return x.expand(self.count, *x.shape[1:]) if self.count > 1 else x

    def add_to_queries(self, total, blocks):
        """Add `(texts, block, ...)` to `(batch, queries, ...)`."""
        self.queries(total).add_(blocks)

    def add_to_keys(self, total, tiles):
        """Add `(texts, tile, ...)`, that overlap, to `(batch, keys, ...)`."""
        step = self.block if self.count > 1 else self.tile
        for first in range(0, self.tile, step):
            width = min(step, self.tile - first)
            apart = self._windows(total, self.key + first, width)
            apart.add_(tiles[:, first : first + width])

    def _windows(self, x, start, size):
        end = start + (self.count - 1) * self.block + size
        x = x[self.rows, start:end].unfold(1, size, self.block)
        x = x.movedim(-1, 2)  # (rows, count, size, ...)
        return x[:, 0] if self.count == 1 else x[0]


def plan(tensors, masks, window):
    """The calls that answer every query.

    Args:
        tensors: query, key and value as `attend`, and those of columns if any.
        masks: as `attend`.
        window: as `attend`.

    Returns:
        list of `Part`: every query is in one of them.
    """
    query, key, _, *columns = tensors
    left, right, start = window
    batch_size, query_length, num_heads, head_dim = query.shape
    key_length = key.shape[1]
    block = block_length(left, right)
    ends = _BLOCKS_AT_ENDS * block

    def clipped(first, end):
        key = max(first + start - left, 0)
        tile = min(end + start + right, key_length) - key
        return Part(slice(None), first, end - first, 1, key, tile)

    if _is_one_call(query_length, key_length, masks, window):
        return [clipped(0, query_length)]
    head = min(max(left - start, 0), query_length)
    whole = min(query_length - head, key_length - right - start - head) // block
    whole = max(whole, 0)
    tail = head + whole * block
    few = columns[0].shape[1] if columns else 0
    entries = _CALL_ENTRIES.get(query.device.type, _ACCELERATOR_CALL_ENTRIES)
    tile = block + left + right
    most = max(entries // (num_heads * head_dim * (tile + few)), 1)
    parts = [clipped(i, min(i + ends, head)) for i in range(0, head, ends)]
    for row in range(batch_size):
        for n in range(0, whole, most):
            first = head + n * block
            count = min(most, whole - n)
            rows, key = slice(row, row + 1), first + start - left
            parts.append(Part(rows, first, block, count, key, tile))
    tails = range(tail, query_length, ends)
    return parts + [clipped(i, min(i + ends, query_length)) for i in tails]


def _is_one_call(query_length, key_length, masks, window):
    """Whether all queries should meet all keys at once."""
    left, right, start = window
    last = start + query_length - 1
    if masks.key_documents is None:
        sees_past, sees_future = left >= last, right >= key_length - 1 - start
        if sees_past and sees_future:
            return True
        # The kernel knows causality itself, but not together with a mask.
        whole = start == 0 and key_length == query_length and masks.keys is None
        if sees_past and right == 0 and whole:
            return True
    return key_length <= _SHORT_TEXT
