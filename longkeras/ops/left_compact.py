"""Left-compact padding: real tokens moved to the front of their rows, and back."""

from keras import ops


def left_compact(padding_mask):
    """Return the order in which real tokens come first, and its inverse.

    Args:
        padding_mask: tensor `(batch, sequence)` of known length, 0 or False at padding,
            which may be anywhere.

    Returns:
        `(order, place, lengths)`: int32 `(batch, sequence)`, the old position of each
        token in the new order; int32 `(batch, sequence)`, the new position of each
        token in the old order; int32 `(batch,)`, the number of real tokens.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.left_compact import left_compact

    order, place, lengths = left_compact(np.array([[0, 1, 0, 1]]))
    assert np.array(order).tolist() == [[1, 3, 0, 2]]
    assert np.array(place).tolist() == [[2, 0, 3, 1]]
    assert np.array(lengths).tolist() == [2]
    ```
    """
    mask = ops.cast(padding_mask, "bool")
    lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
    columns = ops.arange(mask.shape[1], dtype="int32")
    order = ops.argsort(ops.where(mask, columns, columns + mask.shape[1]))
    return order, ops.argsort(order), lengths
