"""Split of rows into training and validation, and the order of training."""

import random

import keras
import numpy as np

from longkeras.models.base.text_columns import count_of, is_ragged


def split_and_shuffled(rows, validation_split=None, shuffle=True):
    """Split off the last rows for validation, and shuffle the others.

    The order is drawn once a `fit`, from the seed of `keras.utils.set_random_seed`.
    Keras leaves datasets in their order, so texts that are sorted by class would be
    learnt class by class.

    Args:
        rows: tuple of inputs, targets and weights, each a nest of columns or None.
        validation_split: float. The share of rows to validate with. Defaults to `None`.
        shuffle: bool. Defaults to `True`.

    Returns:
        `(rows, validation_rows)`; the latter is None without a split.
    """
    count = count_of(rows)
    held_out = None
    if validation_split:
        first = _first_to_validate(count, validation_split)
        held_out = taken(rows, np.arange(first, count))
        count = first
    if shuffle:
        # Python's generator, which `keras.utils.set_random_seed` seeds too.
        order = np.random.default_rng(random.randrange(2**32)).permutation(count)
        return taken(rows, order), held_out
    return (rows if held_out is None else taken(rows, np.arange(count))), held_out


def _first_to_validate(count, validation_split):
    first = int(count * (1 - validation_split))
    if not 0 < first < count:
        raise ValueError(
            "`validation_split` must leave rows to train on and rows to validate with. "
            f"Received: validation_split={validation_split}, {count} rows"
        )
    return first


def taken(rows, order):
    """Return the rows of a nest of columns at the indices `order`, in that order."""
    if isinstance(rows, dict):
        return {name: taken(part, order) for name, part in rows.items()}
    if isinstance(rows, tuple):
        return tuple(taken(part, order) for part in rows)
    if isinstance(rows, list):
        return [rows[place] for place in order]
    if is_ragged(rows):
        splits = np.asarray(rows.row_splits)
        lengths = np.diff(splits)[order]
        # The indices of each row's values, in the order of the rows.
        firsts = np.repeat(splits[order] - np.cumsum(lengths) + lengths, lengths)
        values = taken(rows.values, firsts + np.arange(lengths.sum()))
        return rows.from_row_lengths(values, lengths)
    if hasattr(rows, "__array__") and not keras.ops.is_tensor(rows):
        return np.asarray(rows)[order]
    return None if rows is None else keras.ops.convert_to_numpy(rows)[order]
