"""Banded attention on PyTorch's fused kernel, `scaled_dot_product_attention`.

PyTorch is eager: how many keys are global, and whether anything is padded at all, is
known when the op is called. So there is no loop with a fixed number of steps here,
but as many calls of the kernel as the text needs; see `fused_tiles`.
"""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import dilation, fused_tiles
from longkeras.ops.attention.kernels.global_keys import GlobalPositions, gather
from longkeras.ops.attention.kernels.tile import Masks, tile_dtype
from longkeras.ops.attention.visibility import zero_masked


def obstacle(signature):
    """Why this kernel cannot serve a call, in words; None if it can.

    Args:
        signature: `longkeras.ops.attention.dispatch.CallSignature`.
    """
    if signature.backend != "torch":
        return "it needs the torch backend"
    if signature.has_dropout:
        return "PyTorch's kernel cannot drop the weights that `seed` names"
    return None


def attend(query, key, value, spec):
    """Attend through PyTorch's kernel; see the package for the signature."""
    dtype, length = query.dtype, query.shape[1]
    spec = _without_idle_masks(spec)
    query, key, value = (ops.cast(x, tile_dtype(x)) for x in (query, key, value))
    if spec.key_mask is not None:
        query = zero_masked(query, spec.at_queries(spec.key_mask, length))
        key, value = (zero_masked(x, spec.key_mask) for x in (key, value))
    num_heads, kv_heads = query.shape[2], key.shape[2]
    groups = num_heads // kv_heads
    masks = Masks.of_band(query, key, spec)
    columns = _columns(query, key, value, spec)
    query = query.unflatten(2, (kv_heads, groups))
    dilated_heads = dilation.dilated_heads(spec.pattern, num_heads, spec.query_start)
    outputs = []
    for dilated in dilated_heads:
        output = fused_tiles.attend(
            dilated.query(query).flatten(2, 3),
            dilated.key(key, groups),
            dilated.key(value, groups),
            dilated.masks(masks, key),
            _to_batch(columns, dilated, groups),
            spec.scale,
            (spec.pattern.left, spec.pattern.right, dilated.start_in_batch),
        )
        outputs.append(dilated.from_batch(output, length))
    return ops.cast(dilation.in_head_order(dilated_heads, outputs), dtype)


def _without_idle_masks(spec):
    """The spec without masks that hide nothing and mark nothing."""
    changes = {}
    if spec.key_mask is not None and bool(spec.key_mask.all()):
        changes["key_mask"] = None
    if spec.global_mask is not None and not bool(spec.global_keys().any()):
        changes["global_mask"] = None
    return dataclasses.replace(spec, **changes)


def _columns(query, key, value, spec):
    """The global keys, gathered: as many a row as the fullest row has."""
    if spec.global_mask is None:
        return None
    found = GlobalPositions.of(spec)
    most = int(found.counts.max())
    positions = found.order[:, :most]
    is_global = ops.arange(most, dtype="int32") < found.counts[:, None]
    key_positions = query_positions = None
    if spec.pattern.is_causal:
        batch_size, length = query.shape[:2]
        query_positions = spec.query_start + ops.arange(length, dtype="int32")
        query_positions = ops.broadcast_to(query_positions, (batch_size, length))
        key_positions = positions
    return fused_tiles.Columns(
        key=gather(key, positions),
        value=gather(value, positions),
        is_global=is_global,
        documents=gather(spec.document_ids, positions),
        key_positions=key_positions,
        query_positions=query_positions,
    )


def _to_batch(columns, dilated, groups):
    """The columns for every text of the batch that a row becomes."""
    if columns is None:
        return None

    def repeated(x):
        if x is None or dilated.dilation == 1:
            return x
        return x.repeat_interleave(dilated.dilation, dim=0)

    def of_heads(x):
        if dilated.heads is not None:
            x = ops.take(x, [head // groups for head in dilated.heads], axis=2)
        return repeated(x)

    return fused_tiles.Columns(
        key=of_heads(columns.key),
        value=of_heads(columns.value),
        is_global=repeated(columns.is_global),
        documents=repeated(columns.documents),
        key_positions=repeated(columns.key_positions),
        query_positions=dilated.to_batch(columns.query_positions, 0),
    )
