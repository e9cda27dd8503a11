"""Attention of new tokens to cached keys: a chunk of tokens, or one."""

from keras import ops

from longkeras.ops.attention.banded_attention import banded_attention
from longkeras.ops.attention.kernels.tile import tile_dtype
from longkeras.ops.attention.visibility import Tokens, masked_softmax, visible
from longkeras.ops.decoding import global_cache, ring_cache

# Global queries of a chunk that are computed at once.
_ROWS_AT_ONCE = 16


def attend_chunk(
    query,
    key,
    value,
    cache,
    next_position,
    lengths,
    pattern,
    global_kv=None,
    scale=None,
):
    """Attend for a chunk of tokens that follows the tokens in the caches.

    Each query sees its window and, with a `global_kv`, every earlier global key; no key
    counts twice. Time and memory grow with the chunk and the caches, not with the text.

    Args:
        query: `(batch, chunk, heads, head_dim)`, valid tokens first.
        key: `(batch, chunk, kv_heads, head_dim)`, `kv_heads` a divisor of `heads`.
        value: as `key`.
        cache: pair `(keys, values)` of ring caches
            `(batch, num_slots, kv_heads, head_dim)`, before the chunk.
        next_position: int `(batch,)`, tokens read before.
        lengths: int `(batch,)`, valid tokens of the chunk.
        pattern: causal `longkeras.patterns.BandedPattern`.
        global_kv: `longkeras.ops.decoding.global_cache.GlobalCache`, already extended
            by this chunk, or None if no token is global. Defaults to `None`.
        scale: float by which the scores are multiplied. Defaults to `None`,
            `head_dim ** -0.5`.

    Returns:
        `(output, cache)`, the output like `query`, zeros after the valid tokens.
    """
    chunk = query.shape[1]
    reach = min(pattern.max_left, cache[0].shape[1])
    valid = ops.arange(chunk, dtype="int32") < ops.expand_dims(lengths, 1)
    new_cache = tuple(
        ring_cache.extend(ring, next_position, entries, lengths)
        for ring, entries in zip(cache, (key, value), strict=True)
    )
    # The keys in order: global keys that left the ring, the ring, the chunk.
    keys, values, masks = [key], [value], [valid]
    if reach:
        past_key, past_mask = ring_cache.history(cache[0], next_position, reach)
        past_value, _ = ring_cache.history(cache[1], next_position, reach)
        keys.insert(0, past_key)
        values.insert(0, past_value)
        masks.insert(0, past_mask)
    globals_of_keys = {}
    if global_kv is not None:
        first_position = next_position - reach
        has_left = ops.logical_and(
            global_kv.positions >= 0,
            global_kv.positions < ops.expand_dims(first_position, 1),
        )
        is_global = global_cache.flags(global_kv, first_position, reach + chunk)
        keys.insert(0, ops.cast(global_kv.keys, key.dtype))
        values.insert(0, ops.cast(global_kv.values, value.dtype))
        masks.insert(0, has_left)
        globals_of_keys["global_mask"] = ops.concatenate([has_left, is_global], axis=1)
    key, value, valid = (ops.concatenate(x, axis=1) for x in (keys, values, masks))
    output = banded_attention(
        query,
        key,
        value,
        pattern,
        padding_mask=valid,
        scale=scale,
        query_start=key.shape[1] - chunk,
        **globals_of_keys,
    )
    return output, new_cache


def attend_step(
    query, key, value, cache, next_position, pattern, global_kv=None, scale=None
):
    """Attend for one token a row, in time and memory constant in the text's length.

    Args:
        query: `(batch, heads, head_dim)`.
        key: `(batch, kv_heads, head_dim)`, `kv_heads` a divisor of `heads`.
        value: as `key`.
        cache: pair of ring caches, as in `attend_chunk`.
        next_position: int `(batch,)`, the position of this token.
        pattern: causal `longkeras.patterns.BandedPattern`.
        global_kv: `longkeras.ops.decoding.global_cache.GlobalCache`, or None. The token
            itself is not global. Defaults to `None`.
        scale: float. Defaults to `None`, `head_dim ** -0.5`.

    Returns:
        `(output, cache)`, the output like `query`.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    output_dtype = query.dtype
    # The precision of a full forward pass.
    query = ops.cast(query, tile_dtype(query))[:, None]  # (batch, 1, heads, head_dim)
    keys = ring_cache.write(cache[0], next_position, key)
    values = ring_cache.write(cache[1], next_position, value)
    held = ring_cache.slot_positions(next_position + 1, keys.shape[1])
    in_ring = ops.logical_and(
        (held >= 0)[:, None], _in_window(pattern, next_position, held)
    )
    if global_kv is None:
        weights = masked_softmax(_scores(query, keys), in_ring[:, :, None], scale)
        output = _weighted_sum(weights, values)[:, 0]
        return ops.cast(output, output_dtype), (keys, values)

    # A global key inside the window is read from the ring alone.
    outside_ring = ops.logical_and(
        (global_kv.positions >= 0)[:, None],
        ops.logical_not(_in_window(pattern, next_position, global_kv.positions)),
    )
    in_ring, outside_ring = (
        ops.broadcast_to(x, (ops.shape(x)[0], query.shape[2], x.shape[2]))
        for x in (in_ring, outside_ring)
    )
    weights = masked_softmax(
        ops.concatenate(
            [_scores(query, keys), _scores(query, global_kv.keys)], axis=-1
        ),
        ops.concatenate([in_ring, outside_ring], axis=-1)[:, :, None],
        scale,
    )  # (batch, heads, 1, slots + capacity)
    num_slots = keys.shape[1]
    output = _weighted_sum(weights[..., :num_slots], values)
    output = output + _weighted_sum(weights[..., num_slots:], global_kv.values)
    return ops.cast(output[:, 0], output_dtype), (keys, values)


def attend_global_rows(
    output, query, prompt_kv, next_position, global_mask, scale=None
):
    """Replace the outputs of a chunk's global tokens, which see every earlier key.

    A prompt that is read in chunks of any size then gives the outputs of
    `longkeras.ops.longformer_attention` over all of it. Memory grows with the prompt up
    to its last global token, time with the number of global tokens.

    Args:
        output: `(batch, chunk, heads, head_dim)`, from `attend_chunk`.
        query: as `output`, from the projection of global tokens.
        prompt_kv: `longkeras.ops.decoding.prompt_cache.PromptCache`, already extended
            by this chunk.
        next_position: int `(batch,)`, tokens read before the chunk.
        global_mask: bool `(batch, chunk)`, False at padding.
        scale: float. Defaults to `None`, `head_dim ** -0.5`.

    Returns:
        Tensor like `output`.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    mask = ops.cast(global_mask, "bool")
    chunk = mask.shape[1]
    at_once = min(_ROWS_AT_ONCE, chunk)
    # Global queries first, so that blocks without one are skipped.
    columns = ops.arange(chunk, dtype="int32")
    order = ops.argsort(ops.where(mask, columns, columns + chunk), axis=1)
    order = ops.cast(order, "int32")
    place = ops.argsort(order, axis=1)
    order = ops.pad(order, ((0, 0), (0, -chunk % at_once)))
    most = ops.max(ops.sum(ops.cast(mask, "int32"), axis=1))
    key = Tokens(ops.arange(prompt_kv.keys.shape[1], dtype="int32"))

    def answer(n, rows):
        picked = ops.slice(
            order, (0, n * at_once), (ops.shape(order)[0], at_once)
        )  # (batch, at_once)
        positions = ops.expand_dims(next_position, 1) + picked
        seen = visible(Tokens(positions[:, :, None]), key, None, 0)
        block = ops.take_along_axis(query, picked[:, :, None, None], axis=1)
        weights = masked_softmax(_scores(block, prompt_kv.keys), seen[:, None], scale)
        answered = ops.cast(_weighted_sum(weights, prompt_kv.values), rows.dtype)
        return ops.slice_update(rows, (0, n * at_once, 0, 0), answered)

    shape = (ops.shape(output)[0], order.shape[1], *output.shape[2:])
    rows = ops.fori_loop(
        0, (most + at_once - 1) // at_once, answer, ops.zeros(shape, dtype=output.dtype)
    )
    rows = ops.take_along_axis(rows, place[:, :, None, None], axis=1)
    return ops.where(mask[:, :, None, None], rows, output)


def _in_window(pattern, next_position, positions):
    """Visibility of cached keys: bool `(batch, heads or 1, keys)`."""
    dilation = ops.convert_to_tensor(pattern.dilations, dtype="int32")[:, None]
    query = Tokens(ops.expand_dims(next_position, 1)[:, None])
    key = Tokens(positions[:, None])
    return visible(query, key, pattern.left, None, dilation)


# Einsums: b batch, q query, s slot, k key head, g query head in its group, d head_dim.
def _scores(query, keys):
    """Scores `(batch, heads, rows, slots)` of queries `(batch, rows, heads, d)`."""
    batch, rows, heads, head_dim = ops.shape(query)
    kv_heads = keys.shape[2]
    query = ops.reshape(query, (batch, rows, kv_heads, heads // kv_heads, head_dim))
    scores = ops.einsum("bqkgd,bskd->bkgqs", query, ops.cast(keys, query.dtype))
    return ops.reshape(scores, (batch, heads, rows, keys.shape[1]))


def _weighted_sum(weights, values):
    """Weighted sums of values: `(batch, rows, heads, head_dim)`."""
    batch, heads, rows, slots = ops.shape(weights)
    kv_heads, head_dim = values.shape[2:]
    weights = ops.reshape(weights, (batch, kv_heads, heads // kv_heads, rows, slots))
    output = ops.einsum("bkgqs,bskd->bqkgd", weights, ops.cast(values, weights.dtype))
    return ops.reshape(output, (batch, rows, heads, head_dim))
