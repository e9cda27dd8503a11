"""Masking without NaN, in values and in gradients."""

import keras
from keras import ops


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
