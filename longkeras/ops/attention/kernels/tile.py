"""Tensors of one step of a tile schedule: masks, slices, and writing back."""

import dataclasses

import keras
from keras import ops

from longkeras.ops.attention import dropout
from longkeras.ops.attention.spec import UNBOUNDED
from longkeras.ops.attention.visibility import Tokens
from longkeras.ops.attention.visibility import visible as visible_tokens
from longkeras.ops.backend.device import runs_on_cpu
from longkeras.ops.backend.loops import write_slice


@dataclasses.dataclass(frozen=True)
class Masks:
    """Everything that decides about visibility beside the window, and dropout.

    Args:
        keys: bool `(batch, keys)`, True where a key may be seen, or None.
        queries: bool `(batch, queries)`, True where a query is answered, or None.
        key_documents: int `(batch, keys)` or None.
        query_documents: int `(batch, queries)`, given with `key_documents`.
        dropout: float, the rate at which weights are dropped.
        key_numbers: int32 `(batch, keys)`, see `longkeras.ops.attention.dropout`; None
            without dropout.
        query_numbers: int32 `(batch, queries, kv_heads, groups)`.
        key_positions: int32 `(batch, keys)`, of keys that do not stand side by side
            and must not be seen earlier; None without such.
        query_positions: int32 `(batch, queries)`, given with `key_positions`.
    """

    keys: object = None
    queries: object = None
    key_documents: object = None
    query_documents: object = None
    dropout: float = 0.0
    key_numbers: object = None
    query_numbers: object = None
    key_positions: object = None
    query_positions: object = None

    @classmethod
    def of_band(cls, query, key, spec):
        """The masks of the band: padding, documents, and keys that are global.

        Global keys are seen apart from the band, so that each counts once.

        Args:
            query: `(batch, queries, heads, head_dim)`.
            key: `(batch, keys, kv_heads, head_dim)`.
            spec: `longkeras.ops.attention.spec.AttentionSpec`.
        """
        length = ops.shape(query)[1]
        keys, queries, documents = spec.key_mask, None, None
        if keys is not None:
            queries = spec.at_queries(keys, length)
        if spec.global_mask is not None:
            ordinary = ops.logical_not(spec.global_mask)
            keys = ordinary if keys is None else ops.logical_and(keys, ordinary)
        if spec.document_ids is not None:
            documents = spec.at_queries(spec.document_ids, length)
        key_numbers, query_numbers = _dropout_numbers(query, key, spec)
        return cls(
            keys=keys,
            queries=queries,
            key_documents=spec.document_ids,
            query_documents=documents,
            dropout=spec.dropout,
            key_numbers=key_numbers,
            query_numbers=query_numbers,
        )


def _dropout_numbers(query, key, spec):
    """The numbers of keys and queries that dropout is drawn from, or None twice."""
    if not spec.dropout:
        return None, None
    batch_size, length, num_heads = ops.shape(query)[:3]
    kv_heads = key.shape[2]
    positions = spec.query_start + ops.arange(length, dtype="int32")
    queries = dropout.query_numbers(spec.seed, batch_size, positions, num_heads)
    shape = (batch_size, length, kv_heads, num_heads // kv_heads)
    keys = dropout.key_numbers(ops.arange(ops.shape(key)[1], dtype="int32"))
    keys = ops.broadcast_to(keys, (batch_size, ops.shape(key)[1]))
    return keys, ops.reshape(queries, shape)


def tile_dtype(tensor):
    """The dtype of a tile's products: on a CPU half precision gains nothing."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float32" if runs_on_cpu() and dtype != "float64" else dtype


def score_dtype(tensor):
    """The dtype of scores, weights and sums: float32, or float64 for float64."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float64" if dtype == "float64" else "float32"


def query_block(schedule, index, x, masks, factor=None):
    """A query-like block, padding cleared: `(rows, heads, groups * block, d)`.

    Args:
        schedule: `longkeras.ops.attention.kernels.tile_schedule.TileSchedule`.
        index: its `TileIndex`.
        x: `(batch, queries, kv_heads, groups, d)`.
        masks: `Masks`.
        factor: float to multiply by. Defaults to `None`.
    """
    groups, size = x.shape[3:]
    block = ops.slice(
        x,
        (index.row, index.query, index.head, 0, 0),
        (schedule.rows, schedule.block, schedule.heads, groups, size),
    )
    if masks.queries is not None:
        is_real = query_rows(schedule, index, masks.queries)[:, :, None, None, None]
        block = ops.where(is_real, block, ops.zeros((), dtype=x.dtype))
    block = ops.cast(block, tile_dtype(x))
    if factor is not None:
        block = block * ops.cast(factor, block.dtype)
    block = ops.transpose(block, (0, 2, 3, 1, 4))  # (rows, heads, groups, block, d)
    return ops.reshape(
        block, (schedule.rows, schedule.heads, groups * schedule.block, size)
    )


def key_tile(schedule, index, x, masks):
    """A tile of keys or values, hidden ones cleared: `(rows, heads, tile, d)`."""
    size = x.shape[3]
    tile = ops.slice(
        x,
        (index.row, index.key, index.head, 0),
        (schedule.rows, schedule.tile, schedule.heads, size),
    )
    if masks.keys is not None:
        # A weight of zero would not hide a NaN.
        is_seen = _key_columns(schedule, index, masks.keys)[:, :, None, None]
        tile = ops.where(is_seen, tile, ops.zeros((), dtype=x.dtype))
    return ops.transpose(ops.cast(tile, tile_dtype(x)), (0, 2, 1, 3))


def visible(schedule, index, masks):
    """Visibility of the tile's keys: bool `(rows or 1, 1, 1, block, tile)`."""

    def rows(x):
        if x is None:
            return None
        return query_rows(schedule, index, x)[:, None, None, :, None]

    def columns(x):
        if x is None:
            return None
        return _key_columns(schedule, index, x)[:, None, None, None]

    left, right = schedule.left, schedule.right
    if masks.key_positions is not None:
        left, right = None, 0
        query, key = rows(masks.query_positions), columns(masks.key_positions)
    elif min(left, right) >= UNBOUNDED and masks.keys is not None:
        left = right = query = key = None
    else:
        query = ops.arange(schedule.block, dtype="int32") + (
            index.query + schedule.query_start
        )
        key = ops.arange(schedule.tile, dtype="int32") + index.key
        query, key = query[None, None, None, :, None], key[None, None, None, None]
    return visible_tokens(
        Tokens(query, document=rows(masks.query_documents)),
        Tokens(key, columns(masks.keys), columns(masks.key_documents)),
        left,
        right,
    )


def new_queries(schedule, index):
    """Queries that no earlier step answered: `(1, 1, 1, block, 1)`."""
    positions = index.query + ops.arange(schedule.block, dtype="int32")
    return (positions >= index.new)[None, None, None, :, None]


def answered(schedule, index, masks, seen):
    """`seen` where the query is real."""
    if masks.queries is None:
        return seen
    is_real = query_rows(schedule, index, masks.queries)[:, None, None, :, None]
    return ops.logical_and(seen, is_real)


def keep_factor(schedule, index, masks, dtype):
    """0 or 1 / (1 - rate) a weight: `(rows, heads, groups, block, tile)`, or None."""
    if masks.key_numbers is None:
        return None
    numbers = row_statistic(schedule, index, masks.query_numbers)
    columns = _key_columns(schedule, index, masks.key_numbers)[:, None, None, None, :]
    kept = dropout.kept(numbers, columns, masks.dropout)
    return ops.cast(kept, dtype) * (1.0 / (1.0 - masks.dropout))


def query_rows(schedule, index, x):
    """The part `(rows, block)` of a `(batch, queries)` tensor."""
    return ops.slice(x, (index.row, index.query), (schedule.rows, schedule.block))


def row_statistic(schedule, index, x):
    """`(rows, heads, groups, block, 1)` of `(batch, queries, kv_heads, groups)`."""
    groups = x.shape[3]
    block = ops.slice(
        x,
        (index.row, index.query, index.head, 0),
        (schedule.rows, schedule.block, schedule.heads, groups),
    )
    return ops.transpose(block, (0, 2, 3, 1))[..., None]


def write_statistic(schedule, index, total, block):
    """Write `(rows, heads, groups, block, 1)` where `row_statistic` reads it."""
    block = ops.transpose(block[..., 0], (0, 3, 1, 2))
    return write_slice(total, (index.row, index.query, index.head, 0), block)


def write_block(schedule, index, total, block):
    """Write `(rows, heads, groups, block, d)` into a query-like tensor."""
    block = ops.cast(ops.transpose(block, (0, 3, 1, 2, 4)), total.dtype)
    return write_slice(total, (index.row, index.query, index.head, 0, 0), block)


def by_group(schedule, scores, groups):
    """`(rows, heads, groups * block, n)` to `(rows, heads, groups, block, n)`."""
    shape = (
        schedule.rows,
        schedule.heads,
        groups,
        schedule.block,
        ops.shape(scores)[-1],
    )
    return ops.reshape(scores, shape)


def joined(schedule, scores):
    """The inverse of `by_group`."""
    groups, _, columns = ops.shape(scores)[2:]
    return ops.reshape(
        scores, (schedule.rows, schedule.heads, groups * schedule.block, columns)
    )


def _key_columns(schedule, index, x):
    return ops.slice(x, (index.row, index.key), (schedule.rows, schedule.tile))
