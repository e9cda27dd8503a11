"""Rows of texts and targets in any form: as columns, split, and shuffled."""

import numbers
import random
from collections.abc import Iterable, Mapping, Sequence, Set

import keras
import numpy as np

from longkeras.models.base.tf_data_pipeline import is_tf_dataset


def as_columns(x):
    """Return rows as lists, arrays and tensors, with tuples and dicts as structure.

    Converts tuples of strings or numbers, pandas Series, and any other sequence, such
    as a column of `datasets`. Everything else is returned unchanged.
    """
    if isinstance(x, Mapping):
        return {name: as_columns(part) for name, part in x.items()}
    if isinstance(x, tuple):
        if x and all(_is_single(part) for part in x):
            return list(x)
        return tuple(as_columns(part) for part in x)
    if isinstance(x, str | bytes | list) or is_tensor(x) or is_batches(x):
        return x
    if hasattr(x, "__array__"):
        return _plain_array(np.asarray(x))
    return list(x) if isinstance(x, Sequence) else x


def is_tensor(x):
    """Return whether something is a tensor of any backend, ragged ones included."""
    package = type(x).__module__.partition(".")[0]
    is_backend = package in ("tensorflow", "torch", "jax", "jaxlib")
    return is_backend and hasattr(x, "dtype") and hasattr(x, "shape")


def is_batches(x):
    """Return whether something yields batches.

    True for a `keras.utils.PyDataset`, a generator, and every other iterable that holds
    no rows, such as a `DataLoader` of PyTorch.
    """
    # Grain's datasets are sequences of batches.
    is_grain = any(each.__module__.startswith("grain.") for each in type(x).__mro__)
    if is_grain or isinstance(x, keras.utils.PyDataset):
        return True
    is_plain = isinstance(x, str | bytes | Mapping | Set | Sequence)
    is_plain = is_plain or hasattr(x, "__array__") or is_tf_dataset(x) or is_tensor(x)
    return isinstance(x, Iterable) and not is_plain


def one_text_as_rows(x):
    """Return a single text, or a dict of them, as a batch of one; else `x` itself."""
    if isinstance(x, Mapping) and x and all(is_text(part) for part in x.values()):
        return {name: [part] for name, part in x.items()}
    return [x] if is_text(x) else x


def is_rows(x):
    """Return whether `x` holds rows: lists, arrays, or tuples and dicts of them."""
    if isinstance(x, dict | tuple):
        return all(map(is_rows, x.values() if isinstance(x, dict) else x))
    return isinstance(x, list) or hasattr(x, "__array__") or is_ragged(x)


def is_ragged(x):
    """Return whether something is a ragged tensor of TensorFlow."""
    return hasattr(x, "row_splits") and hasattr(x, "from_row_lengths")


def columns_of(rows):
    """Return all lists, arrays and ragged tensors of a nest; None is no column."""
    if isinstance(rows, dict | tuple):
        parts = rows.values() if isinstance(rows, dict) else rows
        return [column for part in parts for column in columns_of(part)]
    return [] if rows is None else [rows]


def count_of(rows):
    """Return the number of rows; a `ValueError` refuses columns that differ."""
    counts = [
        column.shape[0] if is_ragged(column) else len(column)
        for column in columns_of(rows)
    ]
    if len(set(counts)) > 1:
        raise ValueError(
            "`x`, `y` and `sample_weight` must have one row for each text. Received: "
            f"columns of {counts} rows"
        )
    return counts[0] if counts else 0


def check_texts(x):
    """Raise a `ValueError` for a single text, no text, and what is not a text."""
    if x is None or isinstance(x, str | bytes):
        raise ValueError(
            f"`x` must be a list of texts, also of one. Received: x={x!r:.200}"
        )
    is_ids = isinstance(x, dict) and "token_ids" in x
    columns = columns_of(x) if is_rows(x) else []
    for column in [each for each in columns if isinstance(each, list | np.ndarray)]:
        if not len(column):
            raise ValueError(f"`x` must hold at least one text. Received: x={x!r:.200}")
        for i, row in enumerate([] if is_ids else column):
            if isinstance(row, numbers.Number) or not _may_be_text(row):
                raise ValueError(
                    "`x` must hold texts, or be a dict with `token_ids`. Received: "
                    f"{row!r} in row {i}"
                )


def is_uneven(columns):
    """Return whether the rows of a list differ in length."""
    return any(
        len({_shape(row) for row in column}) > 1
        for column in columns
        if isinstance(column, list)
    )


def _shape(row):
    """Return the shape of nested lists, or `"uneven"`."""
    if isinstance(row, list | tuple):
        shapes = {_shape(x) for x in row}
        # Numbers beside strings, as in a span, do not make an array either.
        kinds = {isinstance(x, str | bytes) for x in row}
        is_even = len(shapes) < 2 and len(kinds) < 2 and "uneven" not in shapes
        return (len(row), *(shapes.pop() if shapes else ())) if is_even else "uneven"
    return np.shape(row) if hasattr(row, "__array__") else ()


def is_text(x):
    """Return whether something is a single text: str, bytes, or a scalar of text."""
    if isinstance(x, np.ndarray):
        return x.shape == () and x.dtype.kind in "OSTU"
    if is_tensor(x):
        return getattr(x, "shape", None) == () and "string" in str(x.dtype)
    return isinstance(x, str | bytes)


def _may_be_text(row):
    # An array or tensor is one text, or its words.
    return isinstance(row, str | bytes | list | tuple) or hasattr(row, "shape")


def _is_single(x):
    return isinstance(x, str | bytes | int | float | np.generic)


def _plain_array(array):
    """Return strings and objects in a form that every backend accepts."""
    if array.dtype.kind == "T":  # NumPy's strings of variable length
        return array.astype(object)
    if array.dtype.kind == "O" and all(isinstance(x, int | float) for x in array.flat):
        return np.asarray(array.tolist())
    return array


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
        # `keras.utils.set_random_seed` seeds Python's generator too.
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
