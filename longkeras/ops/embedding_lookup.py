"""Embedding lookup with a dense gradient."""

from keras import ops


def table_rows(table, indices):
    """Look up rows of a table, with a gradient that is summed for each row.

    On TensorFlow the gradient of a lookup is `tf.IndexedSlices` with one slice for each
    use of a row, and Keras' optimizers square every slice separately. Adam's second
    moment and gradient norms are then wrong if a token occurs twice. This sums the
    slices into a dense gradient, as on JAX and PyTorch.

    Args:
        table: float tensor or variable `(rows, ...)`.
        indices: int tensor of any shape.

    Returns:
        Tensor of shape `indices.shape + table.shape[1:]`.
    """
    # The gradient of a reshape is dense, so TensorFlow sums the slices for it. The
    # forward pass copies nothing.
    return ops.take(ops.reshape(table, table.shape), indices, axis=0)
