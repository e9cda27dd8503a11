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
            # Not packed by Keras, which drops weights where there are no targets.
            rows = x, y, sample_weight
            check_counts(rows)
            count = _count(columns_of(rows)[0])
            first = count
            if validation_split and validation_data is None:
                first = _first_to_validate(count, validation_split)
                validation_data = _taken(rows, np.arange(first, count))
                if sample_weight is None:
                    validation_data = validation_data[:2]
                validation_split = None
            if shuffle or first < count:
                order = _order(first) if shuffle else np.arange(first)
                x, y, sample_weight = _taken(rows, order)
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
        bool. True for lists, arrays, ragged tensors, and tuples and dicts of them.
    """
    if isinstance(x, dict):
        return all(is_rows(part) for part in x.values())
    if isinstance(x, tuple):
        return all(is_rows(part) for part in x)
    return isinstance(x, list) or hasattr(x, "__array__") or _is_ragged(x)


def columns_of(rows):
    """All lists, arrays and ragged tensors, whatever they are nested in.

    Args:
        rows: of which `is_rows` is true.

    Returns:
        list.
    """
    if isinstance(rows, (dict, tuple)):
        parts = rows.values() if isinstance(rows, dict) else rows
        return [column for part in parts for column in columns_of(part)]
    return [] if rows is None else [rows]


def _is_ragged(x):
    return hasattr(x, "row_splits") and hasattr(x, "from_row_lengths")


def _count(column):
    return column.shape[0] if _is_ragged(column) else len(column)


def check_counts(rows):
    """Refuse columns that do not belong together.

    Args:
        rows: of which `is_rows` is true.

    Raises:
        ValueError: If they have different counts of rows.
    """
    counts = [_count(column) for column in columns_of(rows)]
    if len(set(counts)) > 1:
        raise ValueError(
            "`x`, `y` and `sample_weight` must have one row for each text. Received: "
            f"columns of {counts} rows"
        )


def _first_to_validate(count, validation_split):
    first = int(count * (1 - validation_split))
    if not 0 < first < count:
        raise ValueError(
            "`validation_split` must leave rows to train on and rows to validate with. "
            f"Received: validation_split={validation_split}, {count} rows"
        )
    return first


def _order(count):
    # Python's generator, which `keras.utils.set_random_seed` seeds too.
    return np.random.default_rng(random.randrange(2**32)).permutation(count)


def _taken(rows, order):
    if isinstance(rows, dict):
        return {name: _taken(part, order) for name, part in rows.items()}
    if isinstance(rows, tuple):
        return tuple(_taken(part, order) for part in rows)
    if isinstance(rows, list):
        return [rows[place] for place in order]
    if _is_ragged(rows):
        splits = np.asarray(rows.row_splits)
        lengths = np.diff(splits)[order]
        # Each row's places one after another, in the order of the rows.
        firsts = np.repeat(splits[order] - np.cumsum(lengths) + lengths, lengths)
        values = _taken(rows.values, firsts + np.arange(lengths.sum()))
        return rows.from_row_lengths(values, lengths)
    if hasattr(rows, "__array__") and not keras.ops.is_tensor(rows):
        return np.asarray(rows)[order]
    return None if rows is None else keras.ops.convert_to_numpy(rows)[order]
