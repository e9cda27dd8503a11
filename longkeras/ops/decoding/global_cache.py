"""The global keys of a prompt, kept beside the ring for as long as text is generated.

A ring forgets what leaves its window; a global key is seen by every later query, so
it is kept apart, with its position. Rows of a batch may hold different numbers of
them: the n-th global key of a row stands in slot n. Every tensor is batch-first, so
that samplers can repeat and gather rows.
"""

from typing import Any, NamedTuple

import keras
from keras import ops


class GlobalStore(NamedTuple):
    """Global keys and values with their positions.

    Args:
        keys: tensor `(batch, capacity, kv_heads, head_dim)`.
        values: as `keys`.
        positions: int `(batch, capacity)`, ascending in a row, -1 where empty.
        count: int `(batch,)`, the global keys met so far. More than the capacity
            means that some found no place: see `check_capacity`.
    """

    keys: Any
    values: Any
    positions: Any
    count: Any


def needed_capacity(global_mask, padding_mask=None, multiple=1):
    """The capacity that a prompt needs: its row with the most global tokens.

    Args:
        global_mask: bool `(batch, sequence)`, concrete.
        padding_mask: bool `(batch, sequence)`, which overrides `global_mask`, or
            None. Defaults to `None`.
        multiple: int. The capacity is rounded up to a multiple of it, so that
            prompts with a few more share a compiled program. Defaults to `1`.

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


def empty_store(batch_size, capacity, kv_heads, head_dim, dtype=None):
    """A store that holds nothing yet.

    Args:
        batch_size: int.
        capacity: int, at least 1. The most global keys of a row.
        kv_heads: int. Heads of keys and values.
        head_dim: int.
        dtype: str. Defaults to `None`, Keras' float dtype.

    Returns:
        `GlobalStore`.

    Raises:
        ValueError: If `capacity` is less than 1.
    """
    if capacity < 1:
        raise ValueError(
            "`capacity` must be at least 1: without global keys there is nothing to "
            f"store. Received: capacity={capacity}"
        )
    shape = (batch_size, capacity, kv_heads, head_dim)
    return GlobalStore(
        keys=ops.zeros(shape, dtype=dtype),
        values=ops.zeros(shape, dtype=dtype),
        positions=ops.full((batch_size, capacity), -1, dtype="int32"),
        count=ops.zeros((batch_size,), dtype="int32"),
    )


def extend(store, next_position, key, value, global_mask):
    """Store the global ones among the keys of a chunk.

    Args:
        store: `GlobalStore`.
        next_position: int `(batch,)`, tokens read before the chunk.
        key: `(batch, chunk, kv_heads, head_dim)`; its n-th entry stands at position
            `next_position + n`.
        value: as `key`.
        global_mask: bool `(batch, chunk)`, False at padding.

    Returns:
        The new `GlobalStore`.

    Raises:
        ValueError: If a row has more global keys than the store has places, where
            the numbers are concrete. In a compiled function nothing can be raised:
            give the result to `check_capacity` outside.

    Example: chunks with the global keys `a` and `b`, then `c`, at positions 0, 3, 4
    fill a store of 4 slots so, slot by slot.

    ```
    keys       a  b  c  0
    positions  0  3  4 -1
    ```
    """
    mask = ops.cast(global_mask, "bool")
    chunk = mask.shape[1]
    # The chunk's columns with the global ones first.
    columns = ops.arange(chunk, dtype="int32")
    order = ops.argsort(ops.where(mask, columns, columns + chunk), axis=1)
    added = ops.sum(ops.cast(mask, "int32"), axis=1)

    slots = ops.arange(store.positions.shape[1], dtype="int32")
    rank = slots - ops.expand_dims(store.count, 1)  # (batch, capacity)
    is_new = ops.logical_and(rank >= 0, rank < ops.expand_dims(added, 1))
    source = ops.take_along_axis(order, ops.clip(rank, 0, chunk - 1), axis=1)
    source = ops.cast(source, "int32")

    def updated(held, entries):
        new = ops.take_along_axis(entries, source[:, :, None, None], axis=1)
        new = ops.cast(new, held.dtype)
        return ops.where(is_new[:, :, None, None], new, held)

    positions = ops.expand_dims(next_position, 1) + source
    store = GlobalStore(
        keys=updated(store.keys, key),
        values=updated(store.values, value),
        positions=ops.where(is_new, positions, store.positions),
        count=store.count + added,
    )
    check_capacity(store)
    return store


def check_capacity(store):
    """Raise if global keys were met for which the store had no place.

    Says nothing inside a compiled function, where numbers are not known yet: call it
    again with what the function returned. A store without the places counts on.

    Args:
        store: `GlobalStore`.

    Raises:
        ValueError: If a row met more global keys than the store has places.
    """
    capacity = store.positions.shape[1]
    count = largest_if_known(store.count)
    if count is not None and count > capacity:
        raise ValueError(
            "`capacity` must be at least the number of global tokens of every row. "
            f"Received: capacity={capacity} with {count} global tokens in a row"
        )


def largest_if_known(numbers):
    """The largest of a tensor's numbers, or None while a function is traced.

    Args:
        numbers: int tensor.

    Returns:
        int or None.
    """
    if keras.utils.is_keras_tensor(numbers):
        return None
    try:
        return int(ops.convert_to_numpy(numbers).max())
    # What JAX and TensorFlow raise for a tensor that has no value yet.
    except (TypeError, NotImplementedError):
        return None


def flags(store, first_position, length):
    """Which of `length` positions of each row, from a first one on, are global.

    Args:
        store: `GlobalStore`.
        first_position: int `(batch,)`, may be negative.
        length: int.

    Returns:
        bool `(batch, length)`.
    """
    batch, capacity = ops.shape(store.positions)
    place = store.positions - ops.expand_dims(first_position, 1)
    is_inside = ops.logical_and(place >= 0, place < length)
    is_inside = ops.logical_and(is_inside, store.positions >= 0)
    # One more column takes what stands elsewhere.
    place = ops.where(is_inside, place, length)
    rows = ops.broadcast_to(
        ops.arange(batch, dtype="int32")[:, None], (batch, capacity)
    )
    index = ops.reshape(ops.stack([rows, place], axis=2), (batch * capacity, 2))
    counts = ops.scatter(
        index, ops.ones((batch * capacity,), dtype="int32"), (batch, length + 1)
    )
    return counts[:, :length] > 0
