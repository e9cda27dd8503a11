"""Tensors of one step of a walk: cutting them out, masking, and writing back."""

import dataclasses

import keras
from keras import ops

from longkeras.ops.attention import dropout
from longkeras.ops.attention.kernels.tile_schedule import Walk
from longkeras.ops.backend.device import runs_on_cpu
from longkeras.ops.backend.loops import write_slice


@dataclasses.dataclass(frozen=True)
class Masks:
    """What decides, beside the band, who sees whom; None where nothing does.

    Args:
        keys: bool `(batch, keys)`, True where a key may be seen.
        queries: bool `(batch, queries)`, True where a query is answered.
        key_documents: int `(batch, keys)`.
        query_documents: int `(batch, queries)`.
        dropout: float, the rate at which weights are dropped.
        key_numbers: int32 `(batch, keys)`, see `attention_dropout`; None undropped.
        query_numbers: int32 `(batch, queries, kv_heads, groups)`.
        key_positions: int32 `(batch, keys)`, given where no later key may be seen.
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


def tile_dtype(tensor):
    """The dtype of a tile's products: on a CPU half precision gains nothing."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float32" if runs_on_cpu() and dtype != "float64" else dtype


def score_dtype(tensor):
    """The dtype of scores, weights and sums: float32, or float64 for float64."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float64" if dtype == "float64" else "float32"


def query_block(walk: Walk, place, x, masks, factor=None):
    """A query-like block, padding cleared: `(rows, heads, groups * block, d)`.

    Args:
        walk: `Walk`.
        place: `Place`.
        x: `(batch, queries, kv_heads, groups, d)`.
        masks: `Masks`.
        factor: float to multiply by. Defaults to `None`.
    """
    groups, size = x.shape[3:]
    block = ops.slice(
        x,
        (place.row, place.query, place.head, 0, 0),
        (walk.rows, walk.block, walk.heads, groups, size),
    )
    if masks.queries is not None:
        is_real = query_rows(walk, place, masks.queries)[:, :, None, None, None]
        block = ops.where(is_real, block, ops.zeros((), dtype=x.dtype))
    block = ops.cast(block, tile_dtype(x))
    if factor is not None:
        block = block * ops.cast(factor, block.dtype)
    block = ops.transpose(block, (0, 2, 3, 1, 4))  # (rows, heads, groups, block, d)
    return ops.reshape(block, (walk.rows, walk.heads, groups * walk.block, size))


def key_tile(walk: Walk, place, x, masks):
    """A tile of keys or values, hidden ones cleared: `(rows, heads, tile, d)`."""
    size = x.shape[3]
    tile = ops.slice(
        x,
        (place.row, place.key, place.head, 0),
        (walk.rows, walk.tile, walk.heads, size),
    )
    if masks.keys is not None:
        # A weight of zero would not hide a NaN.
        is_seen = _key_columns(walk, place, masks.keys)[:, :, None, None]
        tile = ops.where(is_seen, tile, ops.zeros((), dtype=x.dtype))
    return ops.transpose(ops.cast(tile, tile_dtype(x)), (0, 2, 1, 3))


def visible(walk: Walk, place, masks):
    """Who sees whom in the band: bool `(rows or 1, 1, 1, block, tile)`."""
    query = ops.arange(walk.block, dtype="int32") + (place.query + walk.query_start)
    key = ops.arange(walk.tile, dtype="int32") + place.key
    distance = key - query[:, None]  # (block, tile)
    in_band = ops.logical_and(distance >= -walk.left, distance <= walk.right)
    return ops.logical_and(in_band[None, None, None], allowed(walk, place, masks))


def allowed(walk: Walk, place, masks):
    """What the masks allow, the band aside: as `visible`, or True without masks."""
    seen = True
    if masks.keys is not None:
        columns = _key_columns(walk, place, masks.keys)
        seen = columns[:, None, None, None, :]
    if masks.key_documents is not None:
        columns = _key_columns(walk, place, masks.key_documents)
        rows = query_rows(walk, place, masks.query_documents)
        same = rows[:, :, None] == columns[:, None, :]  # (rows, block, tile)
        seen = ops.logical_and(seen, same[:, None, None])
    if masks.key_positions is not None:
        columns = _key_columns(walk, place, masks.key_positions)
        rows = query_rows(walk, place, masks.query_positions)
        past = rows[:, :, None] >= columns[:, None, :]
        seen = ops.logical_and(seen, past[:, None, None])
    return seen


def keep_factor(walk: Walk, place, masks, dtype):
    """0 or 1 / (1 - rate) a weight: `(rows, heads, groups, block, tile)`, or None."""
    if masks.key_numbers is None:
        return None
    numbers = row_statistic(walk, place, masks.query_numbers)
    columns = _key_columns(walk, place, masks.key_numbers)[:, None, None, None, :]
    kept = dropout.kept(numbers, columns, masks.dropout)
    return ops.cast(kept, dtype) * (1.0 / (1.0 - masks.dropout))


def query_rows(walk: Walk, place, x):
    """The part `(rows, block)` of a `(batch, queries)` tensor."""
    return ops.slice(x, (place.row, place.query), (walk.rows, walk.block))


def row_statistic(walk: Walk, place, x):
    """`(rows, heads, groups, block, 1)` of `(batch, queries, kv_heads, groups)`."""
    groups = x.shape[3]
    block = ops.slice(
        x,
        (place.row, place.query, place.head, 0),
        (walk.rows, walk.block, walk.heads, groups),
    )
    return ops.transpose(block, (0, 2, 3, 1))[..., None]


def write_statistic(walk: Walk, place, total, block):
    """Write `(rows, heads, groups, block, 1)` where `row_statistic` reads it."""
    block = ops.transpose(block[..., 0], (0, 3, 1, 2))
    return write_slice(total, (place.row, place.query, place.head, 0), block)


def write_block(walk: Walk, place, total, block):
    """Write `(rows, heads, groups, block, d)` into a query-like tensor."""
    block = ops.cast(ops.transpose(block, (0, 3, 1, 2, 4)), total.dtype)
    return write_slice(total, (place.row, place.query, place.head, 0, 0), block)


def by_group(walk: Walk, scores, groups):
    """`(rows, heads, groups * block, n)` to `(rows, heads, groups, block, n)`."""
    shape = (walk.rows, walk.heads, groups, walk.block, ops.shape(scores)[-1])
    return ops.reshape(scores, shape)


def joined(walk: Walk, scores):
    """The inverse of `by_group`."""
    groups, _, columns = ops.shape(scores)[2:]
    return ops.reshape(scores, (walk.rows, walk.heads, groups * walk.block, columns))


def _key_columns(walk, place, x):
    return ops.slice(x, (place.row, place.key), (walk.rows, walk.tile))
