"""Where documents begin that are packed into one row."""

from keras import ops


def first_tokens(document_ids, padding_mask=None):
    """The first token of every document but a row's first.

    A row's first token goes on from the state that it is given. Padding belongs to no
    document: what stands there does not matter.

    Args:
        document_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`.

    Returns:
        bool tensor `(batch, sequence)`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.recurrence.document_starts import first_tokens

    document_ids = np.array([[3, 3, 0, 3, 5]])
    found = np.array(first_tokens(document_ids, np.array([[1, 1, 0, 1, 1]])))
    assert found.tolist() == [[False, False, False, False, True]]
    ```
    """
    document_ids = ops.cast(document_ids, "int32")
    if padding_mask is None:
        padding_mask = ops.ones_like(document_ids)
    is_real = ops.cast(padding_mask, "bool")
    places = ops.arange(1, ops.shape(document_ids)[1] + 1, dtype="int32")
    # The last real token up to each place, counted from 1; 0 where there is none.
    last = ops.where(is_real, places, ops.zeros_like(document_ids))
    last = ops.associative_scan(ops.maximum, last, axis=1)
    # TensorFlow forgets the shape where the length is not known.
    last = ops.reshape(last, ops.shape(document_ids))
    earlier = ops.pad(last[:, :-1], [[0, 0], [1, 0]])
    earlier_ids = ops.take_along_axis(document_ids, ops.maximum(earlier - 1, 0), axis=1)
    differs = ops.logical_and(earlier > 0, earlier_ids != document_ids)
    return ops.logical_and(is_real, differs)
