"""Training in an order that is drawn, on strings too."""

import random

import keras
import numpy as np


class ShuffledFit:
    """Shuffles rows that `fit` is given.

    KerasHub makes a dataset of them in their order, and Keras leaves datasets as they
    are: texts that are sorted by class would be learnt class by class. The order is
    drawn once a `fit`. A mixin, to stand before a `keras_hub.models.Task`.
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
            shuffle: bool. Whether to take the rows in an order that is drawn, from
                the seed of `keras.utils.set_random_seed`; the same in every epoch.
                Defaults to `True`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If inputs, targets and weights are not equally many.
        """
        if is_rows(x):
            rows = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
            _check_counts(rows)
            if shuffle:
                rows = _taken(rows, _order(rows, validation_split))
                x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(rows)
            # KerasHub makes a dataset of them, which Keras says it does not shuffle.
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


def is_rows(x):
    """Whether something is rows of a training set, and no dataset.

    Args:
        x: anything.

    Returns:
        bool. True for lists, arrays, and tuples and dicts of them.
    """
    if isinstance(x, dict):
        return all(is_rows(part) for part in x.values())
    if isinstance(x, tuple):
        return all(is_rows(part) for part in x)
    return isinstance(x, list) or hasattr(x, "__array__")


def _columns(rows):
    """All lists and arrays, whatever they are nested in."""
    if isinstance(rows, (dict, tuple)):
        parts = rows.values() if isinstance(rows, dict) else rows
        return [column for part in parts for column in _columns(part)]
    return [] if rows is None else [rows]


def _check_counts(rows):
    counts = [len(column) for column in _columns(rows)]
    if len(set(counts)) > 1:
        raise ValueError(
            "`x`, `y` and `sample_weight` must have one row for each text. Received: "
            f"columns of {counts} rows"
        )


def _order(rows, validation_split):
    """Places of the rows: the last ones, which are to validate, stay where they are."""
    count = len(_columns(rows)[0])
    first = int(count * (1 - (validation_split or 0.0)))
    # Python's generator, which `keras.utils.set_random_seed` seeds too.
    drawn = np.random.default_rng(random.randrange(2**32))
    return np.concatenate([drawn.permutation(first), np.arange(first, count)])


def _taken(rows, order):
    if isinstance(rows, dict):
        return {name: _taken(part, order) for name, part in rows.items()}
    if isinstance(rows, tuple):
        return tuple(_taken(part, order) for part in rows)
    if isinstance(rows, list):
        return [rows[place] for place in order]
    return None if rows is None else keras.ops.convert_to_numpy(rows)[order]
