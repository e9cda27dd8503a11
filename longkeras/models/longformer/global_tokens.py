"""Which tokens are global where the user does not say: the tasks' rules."""

from keras import ops


def first_token(token_ids):
    """The first token of each text.

    Args:
        token_ids: int tensor `(batch, sequence)`.

    Returns:
        int32 tensor like `token_ids`, 1 at global tokens.
    """
    place = ops.cumsum(ops.ones_like(token_ids, dtype="int32"), axis=-1)
    return ops.cast(ops.equal(place, 1), "int32")


def before_first(token_ids, separator_id):
    """The tokens before the first separator, or the first token where there is none.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        separator_id: int.

    Returns:
        int32 tensor like `token_ids`, 1 at global tokens.
    """
    is_separator = ops.cast(ops.equal(token_ids, separator_id), "int32")
    before = ops.equal(ops.cumsum(is_separator, axis=-1), 0)
    has_one = ops.any(is_separator, axis=-1, keepdims=True)
    chosen = ops.where(has_one, before, ops.equal(first_token(token_ids), 1))
    return ops.cast(chosen, "int32")
