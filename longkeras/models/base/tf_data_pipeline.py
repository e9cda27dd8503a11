"""`tf.data` pipelines: datasets of rows and of batches, and checks inside them."""

import sys

import keras
import numpy as np

from longkeras.models.base.index_checks import Extent
from longkeras.ops.backend.concrete import concrete_array
from longkeras.text.pipeline import is_tracing, noting_errors


def is_tf_dataset(x):
    """Return whether something is a `tf.data.Dataset`."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(x, tensorflow.data.Dataset)


def dataset_of_rows(rows, batch_size):
    """Return a nest of columns as a `tf.data.Dataset` of batches."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)


def mapped(dataset, function):
    """Map a function of an element's parts over a dataset, in parallel."""
    import tensorflow as tf

    dataset = dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def dataset_of_batches(batches, example, num_batches):
    """Return batches from Python as a `tf.data.Dataset`.

    Args:
        batches: callable without arguments that gives an iterator of batches, each a
            nest of arrays.
        example: a batch, whose structure, ranks and dtypes the others have; their
            sizes may differ.
        num_batches: int, or None if it is not known.
    """
    import tensorflow as tf

    def spec(x):
        return tf.TensorSpec([None] * np.ndim(x), np.asarray(x).dtype)

    signature = tf.nest.map_structure(spec, example)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    if num_batches is not None:
        count = tf.data.experimental.assert_cardinality(num_batches)
        dataset = dataset.apply(count)
    return dataset.prefetch(tf.data.AUTOTUNE)


def checked_in_graph(outputs, tensors, check):
    """Return outputs that depend on a check of the ranges of some tensors.

    TensorFlow computes smallest and largest values, and passes only these to Python.

    Args:
        outputs: nest of tensors, while TensorFlow traces.
        tensors: dict of tensors by name.
        check: callable of a dict of `Extent` by name, which raises a `ValueError`.
    """
    import tensorflow as tf

    numbers = {name: x for name, x in tensors.items() if not _is_text(x, tf)}
    texts = {
        name: Extent((), 0.0, 0.0, False, "string")
        for name in tensors
        if name not in numbers
    }

    def run(ranges, *shapes):
        extents = {
            name: Extent.of_range(tuple(map(int, shape)), *found, x.dtype.name)
            for (name, x), shape, found in zip(
                numbers.items(), shapes, ranges, strict=True
            )
        }
        check({**extents, **texts})
        return True

    if not tensors:
        return outputs
    ranges = [_range(x, tf) for x in numbers.values()] or tf.zeros((0, 3), tf.float64)
    shapes = [tf.shape(x) for x in numbers.values()]
    done = tf.numpy_function(
        noting_errors(run), [tf.convert_to_tensor(ranges), *shapes], tf.bool
    )
    with tf.control_dependencies([done]):
        return tf.nest.map_structure(
            lambda x: None if x is None else tf.identity(x),
            outputs,
            expand_composites=True,
        )


def token_weights(weights, row_weights):
    """Multiply the weights of tokens by those of their rows.

    Args:
        weights: tensor or array `(batch, tokens)`; of one text `(tokens,)`.
        row_weights: tensor, array or list `(batch,)` or `(batch, 1)`; of one text a
            number.

    Returns:
        float32 tensor of TensorFlow while it traces, otherwise a NumPy array.
    """
    if is_tracing():
        import tensorflow as tf

        shape = tf.concat([tf.shape(weights)[:-1], [1]], axis=0)
        rows = tf.reshape(tf.cast(row_weights, tf.float32), shape)
        return tf.cast(weights, tf.float32) * rows
    weights = np.asarray(concrete_array(weights), "float32")
    array = concrete_array(row_weights)
    rows = np.asarray(row_weights if array is None else array, "float32")
    return weights * rows.reshape(*weights.shape[:-1], 1)


def with_made_targets(preprocess, x, y, sample_weight):
    """Preprocess texts for a language model, which makes its own targets.

    Args:
        preprocess: callable of `x` that returns inputs, targets and their weights.
        x: texts.
        y: must be None.
        sample_weight: weights of the rows, by which the others are multiplied, or None.

    Returns:
        `(x, y, sample_weight)`.
    """
    if y is not None:
        raise ValueError(
            "`y` must be None: the targets of a language model are tokens of the texts "
            "themselves. To learn labels of texts, take a text classifier; of a "
            "dataset of pairs, keep the texts alone. Received: y of type "
            f"{type(y).__name__}"
        )
    x, y, weights = keras.utils.unpack_x_y_sample_weight(preprocess(x))
    if sample_weight is not None:
        weights = token_weights(weights, sample_weight)
    return x, y, weights


def class_weighted(weights, labels, table):
    """Multiply sample weights, or 1 for None, by the weights of the labels' classes.

    `table` is a float32 array `(num_classes,)`. The result is an array if `labels` is
    one, otherwise a float32 tensor of TensorFlow.
    """
    if isinstance(labels, np.ndarray):
        found = table[labels.astype("int64")]
        return found if weights is None else found * np.asarray(weights)
    import tensorflow as tf

    found = tf.gather(tf.constant(table), tf.cast(labels, tf.int64))
    return found if weights is None else found * tf.cast(weights, tf.float32)


def without(values, ignored):
    """Return labels, array or TensorFlow tensor, with 0 in place of `ignored`."""
    if isinstance(values, np.ndarray):
        return np.where(values == ignored, 0, values)
    import tensorflow as tf

    is_ignored = values == tf.cast(ignored, values.dtype)
    return tf.where(is_ignored, tf.zeros_like(values), values)


def _range(x, tf):
    """Return smallest and largest value, and 0 if all are whole: float64 `(3,)`."""
    if x.dtype == tf.bool:
        x = tf.cast(x, tf.int32)
    fraction = tf.zeros((), tf.float64)
    if x.dtype.is_floating:
        # A sum keeps NaN, which a maximum may lose.
        fraction = tf.reduce_sum(tf.abs(x - tf.round(x)))
    found = tf.reduce_min(x), tf.reduce_max(x), fraction
    return tf.stack([tf.cast(each, tf.float64) for each in found])


def _is_text(x, tf):
    return isinstance(x, tf.RaggedTensor) or x.dtype == tf.string
