"""Checks of the shape and range of indices and targets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from longkeras.ops.backend.concrete import concrete_array


@dataclass(frozen=True)
class Extent:
    """Shape and range of an array, which is all that a check needs.

    Args:
        shape: tuple of int.
        low: float. The smallest value.
        high: float. The largest value.
        is_whole: bool. Whether all values are whole numbers.
        dtype: str.
    """

    shape: tuple[int, ...]
    low: float
    high: float
    is_whole: bool
    dtype: str

    @classmethod
    def of(cls, values):
        """Return the extent of a NumPy array."""
        is_number = values.dtype.kind in "biuf"
        if not is_number or not values.size:
            is_whole = is_number or not values.size
            return cls(values.shape, 0.0, 0.0, is_whole, str(values.dtype))
        # NaN is not a whole number either.
        is_whole = values.dtype.kind != "f" or bool((values == np.round(values)).all())
        low, high = float(values.min()), float(values.max())
        return cls(values.shape, low, high, is_whole, str(values.dtype))

    @classmethod
    def of_range(cls, shape, low, high, fraction, dtype):
        """Return the extent of values of a known range, whole if `fraction` is 0."""
        if 0 in shape:
            return cls(shape, 0.0, 0.0, True, dtype)
        return cls(shape, float(low), float(high), not fraction, dtype)

    @property
    def is_empty(self):
        """bool, whether there is no value."""
        return 0 in self.shape

    def lies_in(self, low, high):
        """Return whether all values are from `low` to `high`, both included."""
        return self.is_empty or (self.low >= low and self.high <= high)

    @property
    def span(self):
        """str, the range of the values in words."""
        return f"from {self.low:g} to {self.high:g}"


def extents_of(tensors):
    """Return the extents, by name, of those tensors whose values are known."""
    arrays = {name: concrete_array(x) for name, x in tensors.items()}
    return {name: Extent.of(x) for name, x in arrays.items() if x is not None}


@dataclass(frozen=True)
class ClassLabels:
    """Rule for targets that are indices of classes, tokens or positions.

    Args:
        num_classes: int, or None for positions in the text.
        rank: int. Axes of the targets. Defaults to `1`, one label a text.
        ignore_class: int, or None. A label that the loss ignores. Defaults to `None`.
    """

    num_classes: int | None
    rank: int = 1
    ignore_class: int | None = None

    def check(self, name, extent, length=None):
        """Raise a `ValueError` for several labels a text, or ones that are not classes.

        `extent` leaves out labels that are `ignore_class`; `length` is the number of
        tokens of a row, if it is known.
        """
        if extent.shape[self.rank :] not in ((), (1,)):
            raise ValueError(
                f"`{name}` must be one class a text, or a token: of one column a "
                "class, take the largest (`np.argmax(y, axis=-1)`); where several "
                'classes may be true, make the model with `activation="sigmoid"`, or '
                "compile it with `keras.losses.BinaryCrossentropy`. Received: "
                f"{name} of shape {extent.shape}"
            )
        limit = length if self.num_classes is None else self.num_classes
        if limit is None or extent.is_empty:
            return
        if not extent.is_whole:
            received = f"labels of dtype {extent.dtype}"
            if extent.low or extent.high:
                received += f", {extent.span}"
            raise ValueError(
                f"`{name}` must hold whole numbers, the classes from 0 to {limit - 1}; "
                "names of classes need a model that was made with `class_names`. "
                f"Received: {received}"
            )
        if not extent.lies_in(0, limit - 1):
            why = f"the model's outputs have {limit} columns, one a class or token"
            if self.num_classes is None:
                why = f"they are positions in rows of {limit} tokens"
            raise ValueError(
                f"`{name}` must hold labels from 0 to {limit - 1}: {why}. To leave "
                "labels out, give them the sample weight 0 and any of these numbers. "
                f"Received: labels {extent.span}"
            )


@dataclass(frozen=True)
class ClassColumns:
    """Rule for targets of one column a class, with values from 0 to 1.

    `num_classes` is None for positions in the text.
    """

    num_classes: int | None

    def check(self, name, extent, length=None):
        """Raise a `ValueError` for another shape or range; see `ClassLabels.check`."""
        columns = extent.shape[-1] if len(extent.shape) > 1 else 1
        limit = length if self.num_classes is None else self.num_classes
        if limit is not None and columns != limit:
            raise ValueError(
                f"`{name}` must have one column for each of {limit} classes, with 1 "
                "where a text belongs to the class and 0 elsewhere (of class numbers: "
                f"`np.eye({limit})[y]`). Received: {name} of shape {extent.shape}"
            )
        if not extent.lies_in(0, 1):
            raise ValueError(
                f"`{name}` must hold values from 0 to 1, one column a class. "
                f"Received: values {extent.span}"
            )


def length_of(tensors):
    """Return the tokens of a row of `token_ids`, or None if it is not known."""
    shape = getattr(tensors.get("token_ids"), "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None or len(shape) != 2:
        return None
    return shape[1]


def named_targets(y):
    """Return targets as a dict by name; a single tensor is called `y`."""
    return dict(y) if isinstance(y, Mapping) else {"y": y}
