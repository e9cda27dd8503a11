"""Validation of the attention ops' arguments, and the spec made from them."""

import keras
from keras import ops

from longkeras.ops.attention.dropout import draw_seed
from longkeras.ops.attention.spec import AttentionSpec, GlobalTokens
from longkeras.patterns import BandedPattern


def check_options(pattern, dropout, seed):
    """Raise for options that are never valid.

    Raises:
        ValueError: If `pattern` is not a pattern, or `dropout` is out of range or has
            no seed.
    """
    if not isinstance(pattern, BandedPattern):
        raise ValueError(
            "`pattern` must be a `longkeras.patterns.BandedPattern`. "
            f"Received: pattern={pattern!r}"
        )
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"`dropout` must be in [0, 1). Received: dropout={dropout!r}")
    if dropout and seed is None:
        raise ValueError(
            "`dropout` needs a `seed`: an int, an int tensor, or a "
            f"`keras.random.SeedGenerator`. Received: dropout={dropout}, seed=None"
        )


def check_tensors(query, key, value, pattern, masks, query_start=0, prefix=""):
    """Raise for shapes that do not fit each other.

    Args:
        query: tensor.
        key: tensor.
        value: tensor.
        pattern: `BandedPattern`.
        masks: dict of masks by name, each a tensor `(batch, keys)` or None.
        query_start: int.
        prefix: str, put before the names of the tensors in messages.

    Raises:
        ValueError: If a shape does not fit.
    """
    shapes = check_projections(query, key, value, prefix)
    num_heads = query.shape[2]
    if len(pattern.dilations) not in (1, num_heads):
        raise ValueError(
            "`pattern` must have one dilation, or one for each head. Received: "
            f"dilation={pattern.dilation} for {num_heads} heads"
        )
    query_length, key_length = query.shape[1], key.shape[1]
    known = query_length is not None and key_length is not None
    if query_start < 0 or (known and query_start + query_length > key_length):
        raise ValueError(
            "`query_start` must be at least 0 and leave a key for every query. "
            f"Received: query_start={query_start} with {shapes}"
        )
    for name, mask in masks.items():
        mask = mask.mask if isinstance(mask, GlobalTokens) else mask
        check_mask(name, mask, key, "key")


def check_projections(query, key, value, prefix=""):
    """Raise if query, key and value cannot be multiplied, whatever their lengths.

    Args:
        query: tensor.
        key: tensor.
        value: tensor.
        prefix: str, put before their names in messages.

    Returns:
        str, the shapes in words.

    Raises:
        ValueError: If a shape does not fit.
    """
    names = [f"{prefix}{name}" for name in ("query", "key", "value")]
    shapes = ", ".join(
        f"{name} {tuple(x.shape)}"
        for name, x in zip(names, (query, key, value), strict=True)
    )
    if not len(query.shape) == len(key.shape) == len(value.shape) == 4:
        raise ValueError(
            f"`{names[0]}`, `{names[1]}` and `{names[2]}` must have four axes, "
            f"`(batch, sequence, heads, head_dim)`. Received: {shapes}"
        )
    if tuple(key.shape) != tuple(value.shape):
        raise ValueError(
            f"`{names[1]}` and `{names[2]}` must have one shape. Received: {shapes}"
        )
    if query.shape[2] % key.shape[2] or query.shape[3] != key.shape[3]:
        raise ValueError(
            f"`{names[1]}` must have the head_dim of `{names[0]}` and a number of "
            f"heads that divides the query's. Received: {shapes}"
        )
    return shapes


def check_mask(name, mask, like, meaning):
    """Raise if a mask does not have a value for every query or key.

    Args:
        name: str.
        mask: tensor or None.
        like: tensor `(batch, sequence, heads, head_dim)`.
        meaning: `"query"` or `"key"`, what stands in `like`.

    Raises:
        ValueError: If the shapes differ.
    """
    if mask is None:
        return
    shape = tuple(mask.shape)
    if len(shape) != 2:
        raise ValueError(
            f"`{name}` must have two axes, `(batch, sequence)`. Received: shape {shape}"
        )
    for size, expected in zip(shape, like.shape, strict=False):
        if None not in (size, expected) and size != expected:
            raise ValueError(
                f"`{name}` must have a value for every {meaning}. Received: shape "
                f"{shape} with {meaning} of shape {tuple(like.shape)}"
            )


def spec_for(query, pattern, scale, query_start, dropout, seed, masks):
    """The `AttentionSpec` of a call.

    Args:
        query: `(batch, sequence, heads, head_dim)`.
        pattern: `BandedPattern`.
        scale: float or None, for `head_dim ** -0.5`.
        query_start: int.
        dropout: float.
        seed: what `longkeras.ops.attention.dropout.draw_seed` takes, or None.
        masks: `(padding_mask, global_mask, document_ids)`, each a tensor or None; the
            second may be `longkeras.ops.attention.spec.GlobalTokens`.

    Returns:
        `AttentionSpec`.
    """
    padding_mask, global_mask, document_ids = masks
    order = None
    if isinstance(global_mask, GlobalTokens):
        global_mask, order = global_mask
    return AttentionSpec(
        pattern=pattern,
        scale=query.shape[-1] ** -0.5 if scale is None else scale,
        query_start=query_start,
        key_mask=_cast(padding_mask, "bool"),
        global_mask=_cast(global_mask, "bool"),
        document_ids=_cast(document_ids, "int32"),
        global_order=order,
        dropout=dropout,
        seed=draw_seed(seed) if dropout else None,
    )


def to_tensors(*arguments):
    """The arguments as tensors, unless they are symbolic or None."""
    return [
        x if x is None or keras.utils.is_keras_tensor(x) else ops.convert_to_tensor(x)
        for x in arguments
    ]


def _cast(x, dtype):
    return None if x is None else ops.cast(x, dtype)
