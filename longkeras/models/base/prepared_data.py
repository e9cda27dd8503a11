"""Data of any form as batches that are preprocessed and checked."""

import keras
import numpy as np
from keras import tree

from longkeras.models.base.checked_batches import (
    BatchSource,
    CheckedBatches,
    RowSlices,
    are_ids,
    parts_of_batch,
    without_none,
)
from longkeras.models.base.tensor_pipeline import (
    class_weighted,
    dataset_of_batches,
    dataset_of_rows,
    is_tf_dataset,
    mapped,
)
from longkeras.models.base.text_columns import (
    columns_of,
    is_batches,
    is_rows,
    is_uneven,
)
from longkeras.ops.backend.concrete import concrete_array
from longkeras.text.pipeline_errors import noting_errors
from longkeras.text.subword_pipeline import in_graph

_EXPECTED = (
    "texts as a list, an array of strings, a column of `datasets` or a pandas Series; "
    "a `tf.data.Dataset` of batches; or a `keras.utils.PyDataset` or generator of "
    "batches `x`, `(x, y)` or `(x, y, sample_weight)`"
)


def prepared_data(task, rows, batch_size=None, passes=1, **options):
    """Return data as batches for `keras.Model.fit`, `evaluate` or `predict`.

    Args:
        task: `longkeras.models.base.text_task.TextTask`.
        rows: tuple of inputs, targets and weights of rows; or of a source of batches
            and twice None.
        batch_size: int. Rows of a step. Defaults to `None`, 32.
        passes: int. How often the data is read. Defaults to `1`.
        **options: `class_table` and `is_training`, see `prepared_batch`.

    Returns:
        `tf.data.Dataset` or `keras.utils.PyDataset`.
    """
    x, y, sample_weight = rows
    if is_rows(x):
        batch_size = batch_size or 32
        if is_uneven(columns_of(rows)):
            return _from_python(task, RowSlices(rows, batch_size), **options)
        # Keras' own packing drops weights where there are no targets.
        names = ("x", "y", "sample_weight")
        rows = without_none(dict(zip(names, rows, strict=True)))
        return _mapped(task, dataset_of_rows(rows, batch_size), names, **options)
    if y is not None or sample_weight is not None:
        raise ValueError(
            "`y` and `sample_weight` must be parts of the batches where `x` is a "
            "dataset or generator: `(x, y)` or `(x, y, sample_weight)`. Received: "
            f"x of type {type(x).__name__}"
        )
    if is_tf_dataset(x):
        return _mapped(task, x, **options)
    if is_batches(x):
        return _from_python(task, x, passes, **options)
    raise ValueError(f"`x` must be {_EXPECTED}. Received: x of type {type(x).__name__}")


def prepared_batch(task, parts, class_table=None, is_training=True, is_prepared=False):
    """Return a batch `(x, y, sample_weight)` as the model takes it.

    Args:
        task: `longkeras.models.base.text_task.TextTask`.
        parts: tuple of inputs and, perhaps, targets and weights.
        class_table: float32 array `(num_classes,)`, the weights of the classes, or
            None. Defaults to `None`.
        is_training: bool. Whether targets and weights are needed. Defaults to `True`.
        is_prepared: bool. Whether the inputs are ids already, which are checked but
            not preprocessed. Defaults to `False`.

    Raises:
        ValueError: If targets are missing, or an index or target is invalid.
    """
    x, y, sample_weight = (*parts, None, None)[:3]
    if not is_training:
        y = sample_weight = None
    elif y is None and task.needs_targets:
        raise ValueError(
            "The batches must be `(x, y)` or `(x, y, sample_weight)`, since the "
            "model learns from targets. Received: batches of `x` alone"
        )
    if is_prepared:
        parts = task.prepared_samples(x, y, sample_weight, is_prepared=True)
    else:
        data = task.preprocess_samples(x, y, sample_weight)
        parts = keras.utils.unpack_x_y_sample_weight(data)
    x, y, sample_weight = parts
    if not is_training:
        return x, None, None
    if class_table is not None:
        if len(y.shape) == len(task.output.shape):
            y = y[..., 0]
        labels = y if in_graph() else concrete_array(y)
        sample_weight = class_weighted(sample_weight, labels, class_table)
    return x, y, sample_weight


def _mapped(task, dataset, names=None, **options):
    def prepare(*parts):
        if names is not None:
            parts = [parts[0].get(name) for name in names]
        parts = prepared_batch(task, parts, **options)
        return keras.utils.pack_x_y_sample_weight(*parts)

    return mapped(dataset, prepare)


def _from_python(task, batches, passes=1, class_table=None, is_training=True):
    source = BatchSource(batches)
    if source.is_read_once and passes > 1:
        raise ValueError(
            f"A generator is read once, and `epochs={passes}` reads the data "
            "several times: give `steps_per_epoch` (`validation_steps`), or a "
            "list, a `tf.data.Dataset` or a `keras.utils.PyDataset`. Received: "
            f"{type(batches).__name__}"
        )
    x, y, _ = parts_of_batch(source.first)
    are_given = are_ids(x) and not isinstance(batches, RowSlices)
    is_prepared = task.preprocessor is None or are_given
    if isinstance(batches, keras.utils.PyDataset) and is_prepared:
        check = task.batch_check(is_training and y is not None)
        return CheckedBatches(batches, check, class_table, is_training)

    def prepare(batch):
        x, *others = parts_of_batch(batch)
        parts = task.rows_of(x), *others
        parts = prepared_batch(task, parts, class_table, is_training, is_prepared)
        return keras.utils.pack_x_y_sample_weight(*tree.map_structure(_as_array, parts))

    prepare = noting_errors(prepare)
    return dataset_of_batches(
        lambda: map(prepare, source()), prepare(source.first), source.num_batches
    )


def _as_array(x):
    array = concrete_array(x)
    return x if x is None else np.asarray(x) if array is None else array
