"""Rows of a table of embeddings, with a gradient that is one sum a row."""

from keras import ops


def table_rows(table, indices):
    """Takes rows of a table, such that optimizers see the sum of a row's gradients.

    On TensorFlow the gradient of a lookup is a list of slices, one for each time that
    a row was taken, and Keras' optimizers square every slice by itself: Adam's second
    moment, and the norms by which gradients are clipped, are then wrong wherever a
    token stands twice. Here the slices are added before, into a gradient of the
    table's shape, as JAX and PyTorch do.

    Args:
        table: float tensor or variable `(rows, ...)`.
        indices: int tensor of any shape.

    Returns:
        Tensor of the shape of `indices` and then that of a row.
    """
    # The gradient of a reshape takes no slices, so TensorFlow adds them for it; nothing
    # is copied on the way forward.
    return ops.take(ops.reshape(table, table.shape), indices, axis=0)
