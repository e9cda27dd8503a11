"""Rules for the tokens that are global where no mask is given.

A model applies them to tensors, a preprocessor to NumPy arrays.
"""

import numpy as np
from keras import ops


def first_token(token_ids, arrays=ops):
    """Return 1 at the first token of each text, int32 and shaped like `token_ids`.

    `arrays` is `keras.ops` for tensors, or `numpy` for arrays.
    """
    return _as_mask(_is_first(token_ids, arrays), arrays)


def before_first(token_ids, separator_id, arrays=ops):
    """Return 1 before the first separator, or at the first token if there is none."""
    is_separator = arrays.equal(token_ids, separator_id)
    count = arrays.cumsum(_as_mask(is_separator, arrays), axis=-1)
    has_one = arrays.any(is_separator, axis=-1, keepdims=True)
    is_first = _is_first(token_ids, arrays)
    chosen = arrays.where(has_one, arrays.equal(count, 0), is_first)
    return _as_mask(chosen, arrays)


def _is_first(token_ids, arrays):
    position = arrays.cumsum(arrays.ones_like(token_ids, dtype="int32"), axis=-1)
    return arrays.equal(position, 1)


def _as_mask(chosen, arrays):
    return chosen.astype("int32") if arrays is np else ops.cast(chosen, "int32")
