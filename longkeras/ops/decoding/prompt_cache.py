"""What the global rows of a prompt need, when it is read chunk by chunk.

A global query sees every key before it, through projections of its own. So while a
prompt is read, those keys and values are kept up to its last global token: memory
linear in the prompt, and none at all afterwards, since generated tokens are never
global. Give them up with the end of the prompt.
"""

from typing import Any, NamedTuple

from keras import ops

from longkeras.ops.decoding import ring_cache
from longkeras.ops.decoding.global_cache import largest_if_known


class PromptKeys(NamedTuple):
    """Keys and values of the global projections, position p in slot p.

    Args:
        keys: tensor `(batch, capacity, kv_heads, head_dim)`.
        values: as `keys`.
        needed: int `(batch,)`, the capacity that the global rows met so far need.
            More than there is means wrong rows: see `check_capacity`.
    """

    keys: Any
    values: Any
    needed: Any


def needed_capacity(global_mask, padding_mask=None):
    """The capacity that a prompt needs: one slot for each token up to the last global.

    Args:
        global_mask: bool `(batch, sequence)`, concrete.
        padding_mask: bool `(batch, sequence)`, which overrides `global_mask`; padding
            takes no slot. Defaults to `None`.

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


def empty_prompt_keys(batch_size, capacity, kv_heads, head_dim, dtype=None):
    """No keys yet.

    Args:
        batch_size: int.
        capacity: int, at least 1, see `needed_capacity`.
        kv_heads: int. Heads of keys and values.
        head_dim: int.
        dtype: str. Defaults to `None`, Keras' float dtype.

    Returns:
        `PromptKeys`.

    Raises:
        ValueError: If `capacity` is less than 1.
    """
    if capacity < 1:
        raise ValueError(
            "`capacity` must be at least 1: without global rows no keys are needed. "
            f"Received: capacity={capacity}"
        )
    shape = (batch_size, capacity, kv_heads, head_dim)
    return PromptKeys(
        keys=ops.zeros(shape, dtype=dtype),
        values=ops.zeros(shape, dtype=dtype),
        needed=ops.zeros((batch_size,), dtype="int32"),
    )


def extend(prompt_keys, next_position, lengths, key, value, global_mask):
    """Keep the keys of a chunk, as many as there are slots for.

    Args:
        prompt_keys: `PromptKeys`.
        next_position: int `(batch,)`, tokens read before the chunk.
        lengths: int `(batch,)`, valid tokens of the chunk.
        key: `(batch, chunk, kv_heads, head_dim)` of the global projection, valid
            tokens first.
        value: as `key`.
        global_mask: bool `(batch, chunk)`, False at padding.

    Returns:
        The new `PromptKeys`.

    Raises:
        ValueError: If a global token stands behind the last slot, where numbers are
            concrete. For a compiled function give the result to `check_capacity`.
    """
    capacity = prompt_keys.keys.shape[1]
    fitting = ops.clip(capacity - next_position, 0, lengths)
    # A ring that never comes round.
    keys, values = (
        ring_cache.extend(held, next_position, ops.cast(entries, held.dtype), fitting)
        for held, entries in ((prompt_keys.keys, key), (prompt_keys.values, value))
    )
    steps = ops.arange(1, global_mask.shape[1] + 1, dtype="int32")
    ends = ops.expand_dims(next_position, 1) + steps
    last = ops.max(ops.where(ops.cast(global_mask, "bool"), ends, 0), axis=1)
    prompt_keys = PromptKeys(keys, values, ops.maximum(prompt_keys.needed, last))
    check_capacity(prompt_keys)
    return prompt_keys


def check_capacity(prompt_keys):
    """Raise if a global row needed keys for which there was no slot.

    Says nothing inside a compiled function, where numbers are not known yet: call it
    again with what the function returned.

    Args:
        prompt_keys: `PromptKeys`.

    Raises:
        ValueError: If a global token stood behind the last slot.
    """
    capacity = prompt_keys.keys.shape[1]
    needed = largest_if_known(prompt_keys.needed)
    if needed is not None and needed > capacity:
        raise ValueError(
            "`capacity` must be at least the number of tokens up to the prompt's last "
            f"global one. Received: capacity={capacity} with {needed} such tokens"
        )
