"""Global KV cache: the keys and values of a prompt's global tokens.

A ring cache drops what leaves the window, but every later query sees a global key. So
global keys have a cache of their own, with their positions, for as long as text is
generated. The n-th global key of a row is in slot n; rows may have different numbers of
them. Every tensor is batch-first, so that samplers can repeat and gather rows.
"""

from typing import Any, NamedTuple

import keras
from keras import ops


class GlobalCache(NamedTuple):
    """Global keys and values with their positions.

    Args:
        keys: tensor `(batch, capacity, kv_heads, head_dim)`.
        values: as `keys`.
        positions: int `(batch, capacity)`, ascending in a row, -1 where empty.
        count: int `(batch,)`, the global keys seen so far. If it exceeds the capacity,
            some were not stored: see `check_capacity`.
    """

    keys: Any
    values: Any
    positions: Any
    count: Any


def needed_capacity(global_mask, padding_mask=None, multiple=1):
    """Return the capacity for a prompt: the most global tokens of any row.

    Args:
        global_mask: bool `(batch, sequence)`, concrete.
        padding_mask: bool `(batch, sequence)`, overrides `global_mask`. Defaults to
            `None`.
        multiple: int. The capacity is rounded up to a multiple of it, so that prompts
            of similar capacities share a compiled program. Defaults to `1`.

    Returns:
        int, 0 if nothing is global.

    Example:

    ```python
    from longkeras.ops.decoding.global_cache import needed_capacity

    mask = [[True, False, True], [True, False, False]]
    assert needed_capacity(mask) == 2
    assert needed_capacity(mask, multiple=8) == 8
    ```
    """
    mask = ops.cast(global_mask, "bool")
    if padding_mask is not None:
        mask = ops.logical_and(mask, ops.cast(padding_mask, "bool"))
    counts = ops.convert_to_numpy(ops.sum(ops.cast(mask, "int32"), axis=1))
    return -(-int(counts.max()) // multiple) * multiple


def empty(batch_size, capacity, kv_heads, head_dim, dtype=None):
    """Return an empty cache.

    Args:
        batch_size: int.
        capacity: int, at least 1. The most global keys of a row.
        kv_heads: int. Heads of keys and values.
        head_dim: int.
        dtype: str. Defaults to `None`, Keras' float dtype.

    Returns:
        `GlobalCache`.

    Raises:
        ValueError: If `capacity` is less than 1.
    """
    if capacity < 1:
        raise ValueError(
            "`capacity` must be at least 1: without global keys there is nothing to "
            f"store. Received: capacity={capacity}"
        )
    shape = (batch_size, capacity, kv_heads, head_dim)
    return GlobalCache(
        keys=ops.zeros(shape, dtype=dtype),
        values=ops.zeros(shape, dtype=dtype),
        positions=ops.full((batch_size, capacity), -1, dtype="int32"),
        count=ops.zeros((batch_size,), dtype="int32"),
    )


def extend(global_kv, next_position, key, value, global_mask):
    """Store the global keys of a chunk.

    Args:
        global_kv: `GlobalCache`.
        next_position: int `(batch,)`, tokens read before the chunk.
        key: `(batch, chunk, kv_heads, head_dim)`; entry n is at position
            `next_position + n`.
        value: as `key`.
        global_mask: bool `(batch, chunk)`, False at padding.

    Returns:
        The new `GlobalCache`.

    Raises:
        ValueError: If a row has more global keys than the cache has slots, and the
            counts are concrete. A compiled function cannot raise: give its result to
            `check_capacity`.

    Example: a chunk with the global keys `a` and `b` at positions 0 and 3, and a second
    one with `c` at 4, fill a cache of 4 slots like this:

    ```
    keys       a  b  c  0
    positions  0  3  4 -1
    ```
    """
    mask = ops.cast(global_mask, "bool")
    chunk = mask.shape[1]
    # The chunk's columns, global ones first.
    columns = ops.arange(chunk, dtype="int32")
    order = ops.argsort(ops.where(mask, columns, columns + chunk), axis=1)
    added = ops.sum(ops.cast(mask, "int32"), axis=1)

    slots = ops.arange(global_kv.positions.shape[1], dtype="int32")
    rank = slots - ops.expand_dims(global_kv.count, 1)  # (batch, capacity)
    is_new = ops.logical_and(rank >= 0, rank < ops.expand_dims(added, 1))
    source = ops.take_along_axis(order, ops.clip(rank, 0, chunk - 1), axis=1)
    source = ops.cast(source, "int32")

    def updated(held, entries):
        new = ops.take_along_axis(entries, source[:, :, None, None], axis=1)
        new = ops.cast(new, held.dtype)
        return ops.where(is_new[:, :, None, None], new, held)

    positions = ops.expand_dims(next_position, 1) + source
    global_kv = GlobalCache(
        keys=updated(global_kv.keys, key),
        values=updated(global_kv.values, value),
        positions=ops.where(is_new, positions, global_kv.positions),
        count=global_kv.count + added,
    )
    check_capacity(global_kv)
    return global_kv


def check_capacity(global_kv):
    """Raise if there were more global keys than slots.

    Does nothing inside a compiled function, where counts are unknown: call it again
    with the function's result, whose `count` includes keys that were not stored.

    Args:
        global_kv: `GlobalCache`.

    Raises:
        ValueError: If a row has more global keys than the cache has slots.
    """
    capacity = global_kv.positions.shape[1]
    count = largest_if_known(global_kv.count)
    if count is not None and count > capacity:
        raise ValueError(
            "`capacity` must be at least the number of global tokens of every row. "
            f"Received: capacity={capacity} with {count} global tokens in a row"
        )


def largest_if_known(numbers):
    """Return the largest value of a tensor, or None while a function is traced.

    Args:
        numbers: int tensor.

    Returns:
        int or None.
    """
    if keras.utils.is_keras_tensor(numbers):
        return None
    try:
        return int(ops.convert_to_numpy(numbers).max())
    # JAX and TensorFlow raise these for tensors without a value.
    except (TypeError, NotImplementedError):
        return None


def flags(global_kv, first_position, length):
    """Mark the global ones among `length` positions of each row.

    Args:
        global_kv: `GlobalCache`.
        first_position: int `(batch,)`, the first of the positions; may be negative.
        length: int.

    Returns:
        bool `(batch, length)`.
    """
    batch, capacity = ops.shape(global_kv.positions)
    place = global_kv.positions - ops.expand_dims(first_position, 1)
    is_inside = ops.logical_and(place >= 0, place < length)
    is_inside = ops.logical_and(is_inside, global_kv.positions >= 0)
    # An extra column takes the positions outside.
    place = ops.where(is_inside, place, length)
    rows = ops.broadcast_to(
        ops.arange(batch, dtype="int32")[:, None], (batch, capacity)
    )
    index = ops.reshape(ops.stack([rows, place], axis=2), (batch * capacity, 2))
    counts = ops.scatter(
        index, ops.ones((batch * capacity,), dtype="int32"), (batch, length + 1)
    )
    return counts[:, :length] > 0
