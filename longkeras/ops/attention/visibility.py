"""Visibility: one rule for kernels, caches and pictures; masking without NaN."""

import dataclasses
import functools

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Queries or keys as the rule knows them; None where there is nothing to know.

    Tensors of queries and of keys are broadcast against each other.

    Args:
        position: int32, in the text.
        is_real: bool, False at padding.
        document: int32, the document that it belongs to.
        is_global: bool, of keys: every query sees it.
    """

    position: object = None
    is_real: object = None
    document: object = None
    is_global: object = None


def visible(query, key, left, right, dilation=1):
    """Visibility of keys.

    A query sees the keys of its window and the global keys, of those the real ones of
    its own document. With `right=0` it sees no later key, global or not.

    Args:
        query: `Tokens`.
        key: `Tokens`.
        left: int, steps of the window before the query; None for every earlier key.
        right: int, steps after it; None for every later key.
        dilation: int, or int32 tensor. Positions in a step. Defaults to `1`.

    Returns:
        bool tensor, the broadcast of all that was given; None if every key is seen.
    """
    conditions = [_in_window(query, key, left, right, dilation)]
    conditions += [query.is_real, key.is_real]
    if key.document is not None:
        conditions.append(ops.equal(query.document, key.document))
    return _all(*conditions)


def _in_window(query, key, left, right, dilation):
    """What the rule says of positions and of global keys."""
    if left is None and right is None:
        return None
    distance = key.position - query.position
    near = [] if left is None else [distance >= -left * dilation]
    if not isinstance(dilation, int) or dilation > 1:
        near.append(distance % dilation == 0)
    not_after = None if right is None else distance <= right * dilation
    if key.is_global is None:
        return _all(*near, not_after)
    if right == 0:
        # XLA makes wrong code on a CPU of "near, or global and not later".
        return _all(ops.logical_or(_all(*near), key.is_global), not_after)
    return ops.logical_or(_all(*near, not_after), key.is_global)


def _all(*conditions):
    """Their conjunction, without those that are None; None if all are."""
    given = [condition for condition in conditions if condition is not None]
    return functools.reduce(ops.logical_and, given) if given else None


def visible_to_rows(positions, num_keys, spec):
    """Visibility of all keys of a text to some of its queries.

    Args:
        positions: int32 tensor `(batch, rows)`, the queries' positions among the
            keys; `(1, rows)` if they are the same in every row of the batch.
        num_keys: int.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        bool tensor broadcastable to `(batch, heads, rows, keys)`.
    """
    pattern = spec.pattern
    query = Tokens(
        positions[:, None, :, None],  # (batch, 1, rows, 1)
        _at_rows(spec.key_mask, positions),
        _at_rows(spec.document_ids, positions),
    )
    key = Tokens(
        ops.arange(num_keys, dtype="int32"),
        *(
            None if x is None else x[:, None, None, :]
            for x in (spec.key_mask, spec.document_ids, spec.global_keys())
        ),
    )
    dilation = ops.convert_to_tensor(pattern.dilations, dtype="int32")
    dilation = ops.reshape(dilation, (-1, 1, 1))  # (heads or 1, 1, 1)
    return visible(query, key, pattern.left, pattern.right, dilation)


def rows_of(per_position, positions):
    """The entries of `(batch, sequence, ...)` at `(batch, rows)` positions."""
    shape = (*ops.shape(positions), *([1] * (len(per_position.shape) - 2)))
    return ops.take_along_axis(per_position, ops.reshape(positions, shape), axis=1)


def _at_rows(per_key, positions):
    """`(batch, 1, rows, 1)` of a `(batch, keys)` tensor."""
    if per_key is None:
        return None
    if positions.shape[0] == 1:
        at_rows = ops.take(per_key, positions[0], axis=1)
    else:
        at_rows = rows_of(per_key, positions)
    return at_rows[:, None, :, None]


def masked_score(dtype):
    """The score of a key that may not be seen: finite, the least of the dtype."""
    return -1e30 if keras.backend.standardize_dtype(dtype) != "float16" else -6e4


def zero_masked(x, mask):
    """Replace the rows of `(batch, sequence, ...)` that `mask` hides with zeros.

    A weight of zero does not hide a NaN or an infinity in padding: zero times
    either is NaN. So padding is cleared before the first product.
    """
    if mask is None:
        return x
    shape = (*ops.shape(mask), *([1] * (len(x.shape) - 2)))
    return ops.where(ops.reshape(mask, shape), x, ops.zeros((), dtype=x.dtype))


def masked_softmax(scores, visible, scale):
    """Softmax over the last axis in float32, zeros where no key is visible.

    Args:
        scores: float `(..., query, key)`, before scaling.
        visible: bool, broadcastable to `scores`.
        scale: float, multiplied into the scores.

    Returns:
        Weights of the shape and dtype of `scores`.
    """
    dtype = scores.dtype
    scores = ops.cast(scores, "float32") * scale
    scores = ops.where(visible, scores, masked_score("float32"))
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.where(visible, ops.exp(scores - highest), 0.0)
    total = ops.sum(weights, axis=-1, keepdims=True)
    return ops.cast(weights / ops.maximum(total, 1e-30), dtype)
