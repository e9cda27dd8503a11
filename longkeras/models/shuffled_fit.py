"""Training in a new order every epoch, on strings too."""

import keras


class ShuffledFit:
    """Shuffles rows that `fit` is given, as Keras does.

    KerasHub makes a dataset of them in their order, and Keras leaves datasets as they
    are: texts that are sorted by class would be learnt class by class. A mixin, to
    stand before a `keras_hub.models.Task`.
    """

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        shuffle=True,
        **kwargs,
    ):
        """Train; see `keras.Model.fit`.

        Args:
            x: rows: strings, arrays, or tuples or dicts of them; or a dataset, whose
                order is its own affair.
            y: targets of the rows. Defaults to `None`.
            batch_size: int. Rows of a step. Defaults to `None`, 32.
            sample_weight: weights of the rows. Defaults to `None`.
            validation_data: dataset, or tuple of `x`, `y` and perhaps weights.
                Defaults to `None`.
            validation_split: float. Part of the rows, the last ones before any
                shuffling, to validate with instead. Defaults to `None`.
            shuffle: bool. Whether every epoch takes the rows in an order of its own,
                drawn from the seed of `keras.utils.set_random_seed`. Defaults to
                `True`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if shuffle and _is_rows(x):
            rows = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
            rows = _columns(rows)
            if validation_split and validation_data is None:
                rows, validation_data = _split(rows, validation_split, batch_size)
            x, y, sample_weight = _shuffled(rows, batch_size or 32), None, None
            batch_size, validation_split = None, None
        if hasattr(x, "element_spec"):
            # Keras would warn that it leaves a dataset of TensorFlow's as it is.
            shuffle = False
        return super().fit(
            x,
            y,
            batch_size,
            sample_weight,
            validation_data,
            validation_split,
            shuffle=shuffle,
            **kwargs,
        )


def _is_rows(x):
    if isinstance(x, dict):
        return all(_is_rows(part) for part in x.values())
    if isinstance(x, tuple):
        return all(_is_rows(part) for part in x)
    return isinstance(x, list) or hasattr(x, "__array__")


def _columns(rows):
    """The rows with a tensor for every array or list, ragged where its rows are."""
    import tensorflow as tf

    if isinstance(rows, dict):
        return {name: _columns(part) for name, part in rows.items()}
    if isinstance(rows, tuple):
        return tuple(_columns(part) for part in rows)
    if isinstance(rows, list):
        return tf.ragged.constant(rows) if _is_ragged(rows) else tf.constant(rows)
    return tf.convert_to_tensor(keras.ops.convert_to_numpy(rows))


def _is_ragged(rows):
    return any(isinstance(row, list) for row in rows) and len(set(map(len, rows))) > 1


def _count(rows):
    from keras import tree

    return int(tree.flatten(rows)[0].shape[0])


def _taken(rows, indices):
    import tensorflow as tf
    from keras import tree

    return tree.map_structure(lambda column: tf.gather(column, indices), rows)


def _split(rows, part, batch_size):
    """The rows without the last ones, and a dataset of these."""
    import tensorflow as tf

    count = _count(rows)
    first = count - int(count * part)
    if not 0 < first < count:
        raise ValueError(
            "`validation_split` must leave rows to train on and rows to validate with. "
            f"Received: validation_split={part}, {count} rows"
        )
    held_out = tf.data.Dataset.from_tensor_slices(_taken(rows, range(first, count)))
    return _taken(rows, range(first)), held_out.batch(batch_size or 32)


def _shuffled(rows, batch_size):
    """A dataset of batches that draws an order anew each time it is gone through."""
    import tensorflow as tf

    count = _count(rows)
    indices = tf.data.Dataset.range(count).shuffle(count).batch(batch_size)
    return indices.map(lambda chosen: _taken(rows, chosen))
