"""Ring cache: the keys and values that a causal window still sees, in constant memory.

Position p is in slot `p % num_slots`, so that a text of any length needs only the slots
of one window. Rows of a batch may be at different positions. Every tensor is
batch-first, so that samplers can repeat and gather rows.
"""

from keras import ops


def slot_positions(next_position, num_slots):
    """Return the position of each slot's entry.

    Args:
        next_position: int tensor `(batch,)`, the number of positions written.
        num_slots: int.

    Returns:
        int tensor `(batch, num_slots)`; negative where nothing is written yet.

    Example: with 3 slots and 5 positions written (0 to 4), slots hold 3, 4 and 2.
    """
    slots = ops.arange(num_slots, dtype="int32")
    last = ops.expand_dims(next_position, 1) - 1  # (batch, 1)
    return last - (last - slots) % num_slots


def write(cache, next_position, entry):
    """Write one entry a row at its next position.

    Args:
        cache: tensor `(batch, num_slots, kv_heads, head_dim)`.
        next_position: int tensor `(batch,)`.
        entry: tensor `(batch, kv_heads, head_dim)`.

    Returns:
        The new cache.
    """
    # A scatter of one entry a row is done in place inside a compiled loop.
    rows = ops.arange(ops.shape(cache)[0], dtype="int32")
    slots = next_position % cache.shape[1]
    index = ops.stack([rows, slots], axis=1)
    return ops.scatter_update(cache, index, ops.cast(entry, cache.dtype))


def extend(cache, next_position, entries, lengths):
    """Write a chunk of entries, `lengths[row]` of them valid, at each row's position.

    Args:
        cache: tensor `(batch, num_slots, kv_heads, head_dim)`.
        next_position: int tensor `(batch,)`.
        entries: tensor `(batch, chunk, kv_heads, head_dim)`, valid ones first.
        lengths: int tensor `(batch,)`.

    Returns:
        The new cache.
    """
    held = slot_positions(next_position + lengths, cache.shape[1])
    source = held - ops.expand_dims(next_position, 1)  # index into entries
    index = ops.clip(source, 0, entries.shape[1] - 1)
    new = ops.take_along_axis(entries, index[:, :, None, None], axis=1)
    return ops.where((source >= 0)[:, :, None, None], new, cache)


def history(cache, next_position, length):
    """Return the last `length` entries in the order of their positions.

    Args:
        cache: tensor `(batch, num_slots, kv_heads, head_dim)`.
        next_position: int tensor `(batch,)`.
        length: int, at most `num_slots`.

    Returns:
        `(entries, mask)`: `(batch, length, kv_heads, head_dim)` and bool
        `(batch, length)`, False before the start of the text.
    """
    positions = ops.expand_dims(next_position, 1) + ops.arange(
        -length, 0, dtype="int32"
    )
    index = positions % cache.shape[1]
    entries = ops.take_along_axis(cache, index[:, :, None, None], axis=1)
    return entries, positions >= 0
