"""Prompt KV cache: what global queries see while a prompt is read in chunks.

A global query sees every earlier key, through the projections of global tokens. Their
keys and values are kept up to the prompt's last global token, in memory linear in the
prompt. Generated tokens are never global: drop the cache at the end of the prompt.
"""

from typing import Any, NamedTuple

from keras import ops

from longkeras.ops.decoding import ring_cache
from longkeras.ops.decoding.global_cache import largest_if_known


class PromptCache(NamedTuple):
    """Keys and values from the projections of global tokens, position p in slot p.

    Args:
        keys: tensor `(batch, capacity, kv_heads, head_dim)`.
        values: as `keys`.
        needed: int `(batch,)`, the capacity that the global queries so far need. If it
            exceeds the capacity, their outputs are wrong: see `check_capacity`.
    """

    keys: Any
    values: Any
    needed: Any


def needed_capacity(global_mask, padding_mask=None):
    """Return the capacity for a prompt: its tokens up to the last global one.

    Args:
        global_mask: bool `(batch, sequence)`, concrete.
        padding_mask: bool `(batch, sequence)`, overrides `global_mask`; padding takes
            no slot. Defaults to `None`.

    Returns:
        int, 0 if nothing is global.

    Example:

    ```python
    from longkeras.ops.decoding.prompt_cache import needed_capacity

    assert needed_capacity([[True, False, True, False, False]]) == 3
    ```
    """
    mask = ops.cast(global_mask, "bool")
    is_real = ops.ones_like(mask) if padding_mask is None else padding_mask
    is_real = ops.cast(is_real, "bool")
    read = ops.cumsum(ops.cast(is_real, "int32"), axis=1)
    last = ops.where(ops.logical_and(mask, is_real), read, 0)
    return int(ops.convert_to_numpy(last).max())


def empty(batch_size, capacity, kv_heads, head_dim, dtype=None):
    """Return an empty cache.

    Args:
        batch_size: int.
        capacity: int, at least 1, see `needed_capacity`.
        kv_heads: int. Heads of keys and values.
        head_dim: int.
        dtype: str. Defaults to `None`, Keras' float dtype.

    Returns:
        `PromptCache`.

    Raises:
        ValueError: If `capacity` is less than 1.
    """
    if capacity < 1:
        raise ValueError(
            "`capacity` must be at least 1: without global rows no keys are needed. "
            f"Received: capacity={capacity}"
        )
    shape = (batch_size, capacity, kv_heads, head_dim)
    return PromptCache(
        keys=ops.zeros(shape, dtype=dtype),
        values=ops.zeros(shape, dtype=dtype),
        needed=ops.zeros((batch_size,), dtype="int32"),
    )


def extend(prompt_kv, next_position, lengths, key, value, global_mask):
    """Store the keys of a chunk, as far as there are slots.

    Args:
        prompt_kv: `PromptCache`.
        next_position: int `(batch,)`, tokens read before the chunk.
        lengths: int `(batch,)`, valid tokens of the chunk.
        key: `(batch, chunk, kv_heads, head_dim)` from the projection of global tokens,
            valid tokens first.
        value: as `key`.
        global_mask: bool `(batch, chunk)`, False at padding.

    Returns:
        The new `PromptCache`.

    Raises:
        ValueError: If a global token is beyond the last slot, and the numbers are
            concrete. A compiled function cannot raise: give its result to
            `check_capacity`.
    """
    capacity = prompt_kv.keys.shape[1]
    fitting = ops.clip(capacity - next_position, 0, lengths)
    # A ring cache that never wraps.
    keys, values = (
        ring_cache.extend(held, next_position, ops.cast(entries, held.dtype), fitting)
        for held, entries in ((prompt_kv.keys, key), (prompt_kv.values, value))
    )
    steps = ops.arange(1, global_mask.shape[1] + 1, dtype="int32")
    ends = ops.expand_dims(next_position, 1) + steps
    last = ops.max(ops.where(ops.cast(global_mask, "bool"), ends, 0), axis=1)
    prompt_kv = PromptCache(keys, values, ops.maximum(prompt_kv.needed, last))
    check_capacity(prompt_kv)
    return prompt_kv


def check_capacity(prompt_kv):
    """Raise if a global query needed keys that were not stored.

    Does nothing inside a compiled function, where the numbers are unknown: call it
    again with the function's result.

    Args:
        prompt_kv: `PromptCache`.

    Raises:
        ValueError: If a global token was beyond the last slot.
    """
    capacity = prompt_kv.keys.shape[1]
    needed = largest_if_known(prompt_kv.needed)
    if needed is not None and needed > capacity:
        raise ValueError(
            "`capacity` must be at least the number of tokens up to the prompt's last "
            f"global one. Received: capacity={capacity} with {needed} such tokens"
        )
