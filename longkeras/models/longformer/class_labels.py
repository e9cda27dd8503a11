"""Labels of classes, looked at before a loss makes NaN of them."""

import keras
import numpy as np


def check_class_labels(labels, num_classes):
    """Refuse labels that are no classes.

    Of them a loss makes NaN on some backends, and an error that names neither labels
    nor classes on others.

    Args:
        labels: array of any shape, or None.
        num_classes: int.

    Raises:
        ValueError: If they are not whole numbers of classes.
    """
    if labels is None or not np.size(labels):
        return
    values = np.asarray(labels)
    is_whole = values.dtype.kind in "biu" or (
        values.dtype.kind == "f" and (values == np.round(values)).all()
    )
    if not is_whole:
        raise ValueError(
            f"`y` must hold whole numbers, the classes from 0 to {num_classes - 1}. "
            f"Received: labels of dtype {values.dtype}, {values.ravel()[:3]} first"
        )
    if values.min() < 0 or values.max() >= num_classes:
        raise ValueError(
            f"`y` must hold classes from 0 to {num_classes - 1}: the model was made "
            f"with `num_classes={num_classes}`. Received: labels from {values.min()} "
            f"to {values.max()}"
        )


def takes_class_labels(task):
    """Whether a task is compiled with a loss of class numbers.

    Args:
        task: `keras.Model`.

    Returns:
        bool.
    """
    loss = getattr(task, "loss", None)
    kind = keras.losses.SparseCategoricalCrossentropy
    return isinstance(loss, kind) or loss == "sparse_categorical_crossentropy"
