"""Attention of new tokens to a ring of earlier ones: a chunk, or one step."""

from keras import ops

from longkeras.ops.attention.banded_attention import banded_attention
from longkeras.ops.attention.kernels.tile import tile_dtype
from longkeras.ops.attention.visibility import Tokens, masked_softmax, visible
from longkeras.ops.decoding import global_cache, ring_cache

# Global rows of a chunk that are answered at once.
_ROWS_AT_ONCE = 16


def attend_chunk(
    query, key, value, cache, next_position, lengths, pattern, store=None, scale=None
):
    """Attend for a chunk of tokens that follows what the ring holds.

    Each query sees its window and, with a `store`, every global key before it, each
    key once. Time and memory grow with the chunk, the ring and the store, not with
    the text.

    Args:
        query: `(batch, chunk, heads, head_dim)`, valid tokens first.
        key: `(batch, chunk, kv_heads, head_dim)`, `kv_heads` a divisor of `heads`.
        value: as `key`.
        cache: pair `(keys, values)` of rings
            `(batch, num_slots, kv_heads, head_dim)`, as the chunk finds them.
        next_position: int `(batch,)`, tokens read before.
        lengths: int `(batch,)`, valid tokens of the chunk.
        pattern: causal `longkeras.patterns.BandedPattern`.
        store: `global_cache.GlobalStore`, already extended by this
            chunk, or None where nothing is global. Defaults to `None`.
        scale: float by which the scores are multiplied. Defaults to `None`,
            `head_dim ** -0.5`.

    Returns:
        `(output, cache)`, the output like `query`, zeros behind the valid tokens.
    """
    chunk = query.shape[1]
    reach = min(pattern.max_left, cache[0].shape[1])
    valid = ops.arange(chunk, dtype="int32") < ops.expand_dims(lengths, 1)
    new_cache = tuple(
        ring_cache.extend(ring, next_position, entries, lengths)
        for ring, entries in zip(cache, (key, value), strict=True)
    )
    # In front of the chunk, the ring in order; in front of that, what has left it.
    keys, values, masks = [key], [value], [valid]
    if reach:
        past_key, past_mask = ring_cache.history(cache[0], next_position, reach)
        past_value, _ = ring_cache.history(cache[1], next_position, reach)
        keys.insert(0, past_key)
        values.insert(0, past_value)
        masks.insert(0, past_mask)
    globals_of_keys = {}
    if store is not None:
        first_position = next_position - reach
        has_left = ops.logical_and(
            store.positions >= 0,
            store.positions < ops.expand_dims(first_position, 1),
        )
        is_global = global_cache.flags(store, first_position, reach + chunk)
        keys.insert(0, ops.cast(store.keys, key.dtype))
        values.insert(0, ops.cast(store.values, value.dtype))
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
    query, key, value, cache, next_position, pattern, store=None, scale=None
):
    """Attend for one token a row: constant time and memory in the text's length.

    Args:
        query: `(batch, heads, head_dim)`.
        key: `(batch, kv_heads, head_dim)`, `kv_heads` a divisor of `heads`.
        value: as `key`.
        cache: pair of rings, as in `attend_chunk`.
        next_position: int `(batch,)`, the position of this token.
        pattern: causal `longkeras.patterns.BandedPattern`.
        store: `global_cache.GlobalStore` of the prompt's global keys,
            or None. This token is not global. Defaults to `None`.
        scale: float. Defaults to `None`, `head_dim ** -0.5`.

    Returns:
        `(output, cache)`, the output like `query`.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    output_dtype = query.dtype
    # In the precision of a whole pass over the text.
    query = ops.cast(query, tile_dtype(query))[:, None]  # (batch, 1, heads, head_dim)
    keys = ring_cache.write(cache[0], next_position, key)
    values = ring_cache.write(cache[1], next_position, value)
    held = ring_cache.slot_positions(next_position + 1, keys.shape[1])
    in_ring = ops.logical_and(
        (held >= 0)[:, None], _in_window(pattern, next_position, held)
    )
    if store is None:
        weights = masked_softmax(_scores(query, keys), in_ring[:, :, None], scale)
        output = _weighted_sum(weights, values)[:, 0]
        return ops.cast(output, output_dtype), (keys, values)

    # A global key inside the window is seen there, and only there.
    in_store = ops.logical_and(
        (store.positions >= 0)[:, None],
        ops.logical_not(_in_window(pattern, next_position, store.positions)),
    )
    in_ring, in_store = (
        ops.broadcast_to(x, (ops.shape(x)[0], query.shape[2], x.shape[2]))
        for x in (in_ring, in_store)
    )
    weights = masked_softmax(
        ops.concatenate([_scores(query, keys), _scores(query, store.keys)], axis=-1),
        ops.concatenate([in_ring, in_store], axis=-1)[:, :, None],
        scale,
    )  # (batch, heads, 1, slots + capacity)
    num_slots = keys.shape[1]
    output = _weighted_sum(weights[..., :num_slots], values)
    output = output + _weighted_sum(weights[..., num_slots:], store.values)
    return ops.cast(output[:, 0], output_dtype), (keys, values)


def attend_global_rows(
    output, query, prompt_keys, next_position, global_mask, scale=None
):
    """Replace the rows of a chunk's global tokens: they see every key before them.

    With this a prompt may be read in any chunks and still equals
    `longkeras.ops.longformer_attention` over the whole. Memory grows with the
    prompt up to its last global token, and time with the number of global rows.

    Args:
        output: `(batch, chunk, heads, head_dim)`, from `attend_chunk`.
        query: as `output`, of the global projection.
        prompt_keys: `prompt_cache.PromptKeys`, already extended by this
            chunk.
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
    # Global rows first, so that only blocks that hold some are computed.
    columns = ops.arange(chunk, dtype="int32")
    order = ops.argsort(ops.where(mask, columns, columns + chunk), axis=1)
    order = ops.cast(order, "int32")
    place = ops.argsort(order, axis=1)
    order = ops.pad(order, ((0, 0), (0, -chunk % at_once)))
    most = ops.max(ops.sum(ops.cast(mask, "int32"), axis=1))
    key = Tokens(ops.arange(prompt_keys.keys.shape[1], dtype="int32"))

    def answer(n, rows):
        picked = ops.slice(
            order, (0, n * at_once), (ops.shape(order)[0], at_once)
        )  # (batch, at_once)
        positions = ops.expand_dims(next_position, 1) + picked
        seen = visible(Tokens(positions[:, :, None]), key, None, 0)
        block = ops.take_along_axis(query, picked[:, :, None, None], axis=1)
        weights = masked_softmax(_scores(block, prompt_keys.keys), seen[:, None], scale)
        answered = ops.cast(_weighted_sum(weights, prompt_keys.values), rows.dtype)
        return ops.slice_update(rows, (0, n * at_once, 0, 0), answered)

    shape = (ops.shape(output)[0], order.shape[1], *output.shape[2:])
    rows = ops.fori_loop(
        0, (most + at_once - 1) // at_once, answer, ops.zeros(shape, dtype=output.dtype)
    )
    rows = ops.take_along_axis(rows, place[:, :, None, None], axis=1)
    return ops.where(mask[:, :, None, None], rows, output)


def _in_window(pattern, next_position, positions):
    """Visibility of a ring's or store's keys: bool `(batch, heads or 1, keys)`."""
    dilation = ops.convert_to_tensor(pattern.dilations, dtype="int32")[:, None]
    query = Tokens(ops.expand_dims(next_position, 1)[:, None])
    key = Tokens(positions[:, None])
    return visible(query, key, pattern.left, None, dilation)


# In the einsums: b batch, q query, s slot, k key head, g query head of its group, d
# head_dim.
def _scores(query, keys):
    """Products of `(batch, rows, heads, head_dim)` with keys, `(b, heads, rows, s)`."""
    batch, rows, heads, head_dim = ops.shape(query)
    kv_heads = keys.shape[2]
    query = ops.reshape(query, (batch, rows, kv_heads, heads // kv_heads, head_dim))
    scores = ops.einsum("bqkgd,bskd->bkgqs", query, ops.cast(keys, query.dtype))
    return ops.reshape(scores, (batch, heads, rows, keys.shape[1]))


def _weighted_sum(weights, values):
    """Values `(batch, slots, kv_heads, head_dim)` by weights, a row for each query."""
    batch, heads, rows, slots = ops.shape(weights)
    kv_heads, head_dim = values.shape[2:]
    weights = ops.reshape(weights, (batch, kv_heads, heads // kv_heads, rows, slots))
    output = ops.einsum("bkgqs,bskd->bqkgd", weights, ops.cast(values, weights.dtype))
    return ops.reshape(output, (batch, rows, heads, head_dim))
