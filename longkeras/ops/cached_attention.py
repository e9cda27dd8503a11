"""Attention of new tokens to a ring of earlier ones: a chunk, or one step."""

from keras import ops

from longkeras.ops import ring_cache
from longkeras.ops.banded_attention import banded_attention
from longkeras.ops.masking import masked_softmax


def attend_chunk(query, key, value, cache, next_position, lengths, pattern):
    """Attend for a chunk of tokens that follows what the ring holds.

    Args:
        query: `(batch, chunk, heads, head_dim)`, valid tokens first.
        key: as `query`.
        value: as `query`.
        cache: pair `(keys, values)` of rings `(batch, num_slots, heads, head_dim)`.
        next_position: int `(batch,)`, tokens read before.
        lengths: int `(batch,)`, valid tokens of the chunk.
        pattern: causal `longkeras.patterns.BandedPattern`.

    Returns:
        `(output, cache)`, the output like `query`, zeros behind the valid tokens.
    """
    reach = min(pattern.max_left, cache[0].shape[1])
    valid = ops.arange(query.shape[1], dtype="int32") < ops.expand_dims(lengths, 1)
    new_cache = tuple(
        ring_cache.extend(ring, next_position, entries, lengths)
        for ring, entries in zip(cache, (key, value), strict=True)
    )
    if reach:
        past_key, past_mask = ring_cache.history(cache[0], next_position, reach)
        past_value, _ = ring_cache.history(cache[1], next_position, reach)
        key = ops.concatenate([past_key, key], axis=1)
        value = ops.concatenate([past_value, value], axis=1)
        valid = ops.concatenate([past_mask, valid], axis=1)
    output = banded_attention(
        query, key, value, pattern, padding_mask=valid, query_start=reach
    )
    return output, new_cache


def attend_step(query, key, value, cache, next_position, pattern):
    """Attend for one token a row: constant time and memory in the text's length.

    Args:
        query: `(batch, heads, head_dim)`.
        key: as `query`.
        value: as `query`.
        cache: pair of rings, as in `attend_chunk`.
        next_position: int `(batch,)`, the position of this token.
        pattern: causal `longkeras.patterns.BandedPattern`.

    Returns:
        `(output, cache)`, the output like `query`.
    """
    keys = ring_cache.write(cache[0], next_position, key)
    values = ring_cache.write(cache[1], next_position, value)
    held = ring_cache.slot_positions(next_position + 1, keys.shape[1])
    distance = (ops.expand_dims(next_position, 1) - held)[:, None]  # (batch, 1, slots)
    dilation = ops.convert_to_tensor(pattern.dilations, dtype="int32")[:, None]
    visible = ops.logical_and((held >= 0)[:, None], distance <= pattern.left * dilation)
    visible = ops.logical_and(visible, distance % dilation == 0)
    scores = ops.einsum("bhd,bshd->bhs", query, keys)  # (batch, heads, slots)
    weights = masked_softmax(scores, visible, query.shape[-1] ** -0.5)
    output = ops.einsum("bhs,bshd->bhd", weights, values)
    return output, (keys, values)
