"""Texts and targets as people have them, as the lists and arrays that Keras takes."""

from collections.abc import Iterable, Mapping, Sequence, Set

import keras
import numpy as np

from longkeras.models.base.tensor_pipeline import is_tf_dataset


def as_columns(x):
    """Rows as lists, arrays and tensors.

    Args:
        x: list, tuple of strings or numbers, array, tensor, pandas Series, any other
            sequence such as a column of `datasets`, or a tuple or dict of these.

    Returns:
        The same as lists, arrays and tensors, with tuples and dicts as structure. What
        is none of these is returned as it is.
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

    Args:
        x: anything.

    Returns:
        bool. True for a `keras.utils.PyDataset`, a generator, and every other iterable
        that holds no rows, such as a `DataLoader` of PyTorch.
    """
    # Grain's datasets are sequences, of batches.
    is_grain = any(each.__module__.startswith("grain.") for each in type(x).__mro__)
    if is_grain or isinstance(x, keras.utils.PyDataset):
        return True
    is_plain = isinstance(x, str | bytes | Mapping | Set | Sequence)
    is_plain = is_plain or hasattr(x, "__array__") or is_tf_dataset(x) or is_tensor(x)
    return isinstance(x, Iterable) and not is_plain


def one_text_as_rows(x):
    """A single text as a batch of one.

    Args:
        x: str or bytes, or a dict or tuple of them; or anything else.

    Returns:
        List of the text, or dict of such lists; anything else as it is.
    """
    if isinstance(x, Mapping) and x and all(is_text(part) for part in x.values()):
        return {name: [part] for name, part in x.items()}
    return [x] if is_text(x) else x


def is_uneven(columns):
    """Return whether rows differ in length, so that they are no rectangle.

    Args:
        columns: list of lists, arrays and tensors.

    Returns:
        bool.
    """
    return any(
        len({_shape(row) for row in column}) > 1
        for column in columns
        if isinstance(column, list)
    )


def _shape(row):
    """The shape of nested lists; where they are uneven, that they are."""
    if isinstance(row, list | tuple):
        shapes = {_shape(x) for x in row}
        # Numbers beside names, as in a span, do not make an array either.
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


def _is_single(x):
    return isinstance(x, str | bytes | int | float | np.generic)


def _plain_array(array):
    """Strings and objects in a form that every backend takes."""
    if array.dtype.kind == "T":  # NumPy's strings of variable length
        return array.astype(object)
    if array.dtype.kind == "O" and all(isinstance(x, int | float) for x in array.flat):
        return np.asarray(array.tolist())
    return array
