"""Tile schedule: the rows, heads, queries and keys of each step."""

import dataclasses
import math

from keras import ops

from longkeras.ops.backend.device import runs_on_cpu

# Bytes of scores in a step that stay in the second-level cache of a CPU.
_CPU_SCORE_BYTES = 3 * 2**19
# An accelerator is filled by many tiles at once.
_ACCELERATOR_SCORE_BYTES = 2**26
# Rows of a step if the batch size is unknown while tracing.
_ASSUMED_ROWS = 8
_SMALLEST_BLOCK, _LARGEST_BLOCK = 32, 256


@dataclasses.dataclass(frozen=True)
class TileIndex:
    """First row, key head, query and key of a step."""

    row: object
    head: object
    query: object
    key: object
    new: object  # queries before this one were answered by an earlier step


@dataclasses.dataclass(frozen=True)
class TileSchedule:
    """Steps of `rows` texts, `heads` key heads and `block` queries.

    Queries `[q, q + block)` meet the keys `[k, k + tile)`, `k` so that the band
    lies in the tile. Blocks and tiles are moved inwards at the ends of the text
    instead of padding it, so that the last block may answer queries again.

    Every number but `num_heads`, `left`, `right`, `query_start` and `heads` is an
    int, or a scalar tensor where a shape is unknown while tracing.
    """

    batch_size: object
    num_heads: int
    query_length: object
    key_length: object
    query_start: int
    left: int
    right: int
    rows: object
    heads: int
    block: object
    tile: object

    @property
    def num_blocks(self):
        return (self.query_length + self.block - 1) // self.block

    @property
    def num_steps(self):
        row_groups = 1 if self.rows is self.batch_size else self.batch_size // self.rows
        return row_groups * (self.num_heads // self.heads) * self.num_blocks

    def index(self, step):
        """The `TileIndex` of a step; the blocks of a text follow each other."""
        block = step % self.num_blocks
        group = step // self.num_blocks
        head_groups = self.num_heads // self.heads
        row = 0 if self.rows is self.batch_size else group // head_groups * self.rows
        query = smaller(block * self.block, self.query_length - self.block)
        first = query + (self.query_start - self.left)
        key = _larger(smaller(first, self.key_length - self.tile), 0)
        return TileIndex(
            row, group % head_groups * self.heads, query, key, block * self.block
        )


def schedule_for(query, key, left, right, query_start):
    """The schedule for tensors and a window.

    Call it again inside a loop's step: sizes that are unknown while tracing must
    be read where they are used.

    Args:
        query: `(batch, queries, kv_heads, groups, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`.
        left: int, keys seen before a query.
        right: int, keys seen after it.
        query_start: int, the position of the first query among the keys.

    Returns:
        `TileSchedule`.
    """
    batch_size, query_length, num_heads = ops.shape(query)[:3]
    key_length = ops.shape(key)[1]
    longest = block_length(left, right)
    block = smaller(longest, query_length)
    tile = smaller(left + longest + right, key_length)
    expected = tile if isinstance(tile, int) else min(left + longest + right, 2**12)
    scores = 4 * query.shape[3] * longest * expected
    rows, heads = _share(batch_size, num_heads, scores)
    return TileSchedule(
        batch_size,
        num_heads,
        query_length,
        key_length,
        query_start,
        left,
        right,
        rows,
        heads,
        block,
        tile,
    )


def block_length(left, right):
    """Queries of a block: about half the keys of one query.

    Args:
        left: int, keys seen before the query.
        right: int, keys seen after it.

    Returns:
        int, a power of two between 32 and 256.
    """
    half = max((left + right) / 2, 1)
    power = 2 ** round(math.log2(half))
    return min(max(power, _SMALLEST_BLOCK), _LARGEST_BLOCK)


def _share(batch_size, num_heads, score_bytes):
    """Rows and heads of a step, so that their scores fill the cache, not more."""
    budget = _CPU_SCORE_BYTES if runs_on_cpu() else _ACCELERATOR_SCORE_BYTES
    pairs = max(budget // score_bytes, 1)
    if not isinstance(batch_size, int):
        return batch_size, _divisor(num_heads, max(pairs // _ASSUMED_ROWS, 1))
    heads = _divisor(num_heads, pairs)
    rows = _divisor(batch_size, pairs // heads) if heads == num_heads else 1
    return (batch_size if rows == batch_size else rows), heads


def _divisor(number, most):
    """The largest divisor of a number that is at most `most`."""
    return next(d for d in range(min(number, most), 0, -1) if number % d == 0)


def smaller(x, y):
    """The smaller of two ints or int scalar tensors."""
    return min(x, y) if isinstance(x, int) and isinstance(y, int) else ops.minimum(x, y)


def _larger(x, y):
    return max(x, y) if isinstance(x, int) and isinstance(y, int) else ops.maximum(x, y)
