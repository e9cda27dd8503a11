"""Where the same stood before: the latest earlier place with an equal code."""

from keras import ops


def latest_match(codes, window):
    """The latest place before each, at most `window` back, that has its code.

    All places of a text at once, by sorting: n log n steps, whatever the window.

    Args:
        codes: int32 tensor `(..., sequence)`.
        window: int. How many places back are looked at.

    Returns:
        int32 tensor of the shape of `codes`: places in the sequence, -1 where there is
        none.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.latest_match import latest_match

    codes = np.array([7, 5, 7, 7, 5], "int32")
    assert np.array(latest_match(codes, window=2)).tolist() == [-1, -1, 0, 2, -1]
    ```
    """
    order = ops.argsort(codes, axis=-1)  # stable: equal codes by their place
    in_order = ops.take_along_axis(codes, order, axis=-1)
    is_repeated = ops.equal(in_order[..., 1:], in_order[..., :-1])
    is_near = order[..., 1:] - order[..., :-1] <= window
    is_match = ops.logical_and(is_repeated, is_near)
    none = ops.full_like(order[..., :1], -1)
    before = ops.concatenate(
        [none, ops.where(is_match, order[..., :-1], none)], axis=-1
    )
    place = ops.argsort(order, axis=-1)
    return ops.cast(ops.take_along_axis(before, place, axis=-1), "int32")
