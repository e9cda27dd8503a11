"""First tokens of documents that are packed into one row."""

from keras import ops


def first_tokens(document_ids, padding_mask=None):
    """Mark the first token of every document except the first of a row.

    The first document of a row may continue an earlier chunk. Padding belongs to no
    document, so the ids at padding are ignored.

    Args:
        document_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`.

    Returns:
        bool tensor `(batch, sequence)`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.document_starts import first_tokens

    document_ids = np.array([[3, 3, 0, 3, 5]])
    found = np.array(first_tokens(document_ids, np.array([[1, 1, 0, 1, 1]])))
    assert found.tolist() == [[False, False, False, False, True]]
    ```
    """
    document_ids = ops.cast(document_ids, "int32")
    if padding_mask is None:
        padding_mask = ops.ones_like(document_ids)
    is_real = ops.cast(padding_mask, "bool")
    earlier = ops.pad(_latest(is_real)[:, :-1], [[0, 0], [1, 0]])
    earlier_ids = ops.take_along_axis(document_ids, ops.maximum(earlier - 1, 0), axis=1)
    differs = ops.logical_and(earlier > 0, earlier_ids != document_ids)
    return ops.logical_and(is_real, differs)


def restart(positions, document_ids, first_position=0):
    """Count positions anew from the first token of each document.

    Args:
        positions: int tensor `(batch, sequence)`, counted through the row. Lower ones
            than `first_position` stand at padding, and stay.
        document_ids: int tensor `(batch, sequence)`.
        first_position: int. The position of a document's first token. Defaults to
            `0`.

    Returns:
        int32 tensor `(batch, sequence)`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.document_starts import restart

    found = restart(np.array([[2, 3, 1, 4, 5]]), np.array([[3, 3, 0, 5, 5]]), 2)
    assert np.array(found).tolist() == [[2, 3, 1, 2, 3]]
    ```
    """
    positions = ops.cast(positions, "int32")
    is_real = positions >= first_position
    start = _latest(first_tokens(document_ids, is_real))
    start_position = ops.take_along_axis(positions, ops.maximum(start - 1, 0), axis=1)
    skipped = ops.where(start > 0, start_position - first_position, 0)
    return ops.where(is_real, positions - skipped, positions)


def _latest(flags):
    """The place of the last True up to each place, from 1; 0 where there is none.

    A running maximum. `ops.associative_scan` does not compile with XLA on TensorFlow
    where the length is unknown, so the places are sorted.
    """
    count = ops.cumsum(ops.cast(flags, "int32"), axis=1)
    places = ops.cumsum(ops.ones_like(count), axis=1)
    places = ops.sort(ops.where(flags, places, ops.shape(flags)[1] + 1), axis=1)
    return ops.take_along_axis(ops.pad(places, [[0, 0], [1, 0]]), count, axis=1)
