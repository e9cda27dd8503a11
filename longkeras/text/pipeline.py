"""NumPy functions as steps of a `tf.data` pipeline, and inputs as Python values."""

import contextvars
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np

from longkeras.text.byte_vocabulary import utf8_bytes

_noted: contextvars.ContextVar[list[ValueError] | None] = contextvars.ContextVar(
    "noted", default=None
)


@dataclass(frozen=True)
class ArraySpec:
    """Dtype and shape of an array in a graph.

    Args:
        dtype: str. Such as `"int32"`; `"string"` for text.
        shape: tuple of int, or None where a size is unknown.
    """

    dtype: str
    shape: tuple[int | None, ...]


def is_tracing() -> bool:
    """Return whether TensorFlow is building a graph, so that tensors have no values."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and not tensorflow.executing_eagerly()


def through_numpy(function: Callable[[Any], Any], inputs: Any, outputs: Any) -> Any:
    """Call a function of arrays on tensors, while TensorFlow is tracing.

    The function gets arrays for tensors and nested lists for ragged tensors, nested as
    `inputs` are, and returns arrays nested as `outputs`, which are `ArraySpec`.
    """
    import tensorflow as tf

    leaves = tf.nest.flatten(inputs)
    parts = [_tensors_of(leaf, tf) for leaf in leaves]
    specs = tf.nest.flatten(outputs)
    dtypes = [tf.as_dtype(spec.dtype) for spec in specs]

    def run(*arrays: Any) -> list[np.ndarray]:
        remaining = iter(arrays)
        values = [
            _value([next(remaining) for _ in part]) if part else leaf
            for leaf, part in zip(leaves, parts, strict=True)
        ]
        results = tf.nest.flatten(function(tf.nest.pack_sequence_as(inputs, values)))
        return [
            np.asarray(result, dtype.as_numpy_dtype)
            for result, dtype in zip(results, dtypes, strict=True)
        ]

    tensors = [tensor for part in parts for tensor in part]
    flat = tf.numpy_function(noting_errors(run), tensors, dtypes)
    for tensor, spec in zip(flat, specs, strict=True):
        tensor.set_shape(spec.shape)
    return tf.nest.pack_sequence_as(outputs, flat)


def ragged_rows(values: Any, lengths: Any) -> Any:
    """A `tf.RaggedTensor` of rows with these lengths, from their joined values."""
    import tensorflow as tf

    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)


def plain_values(inputs: Any) -> Any:
    """Texts, numbers and nested rows of them as Python strings, numbers and lists.

    `inputs` may be nested in lists, tuples and dicts, and hold UTF-8 bytes, arrays,
    eager tensors, ragged tensors and None.
    """
    if isinstance(inputs, str):
        if not inputs.isascii():
            utf8_bytes(inputs, "Text")
        return str(inputs)
    if isinstance(inputs, bytes):
        return _decoded(inputs)
    if isinstance(inputs, dict):
        return {name: plain_values(value) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(plain_values(value) for value in inputs)
    if isinstance(inputs, Sequence):
        return [plain_values(value) for value in inputs]
    if hasattr(inputs, "to_list"):  # a ragged tensor
        return plain_values(inputs.to_list())
    if hasattr(inputs, "__array__") and not np.isscalar(inputs):
        return plain_values(np.asarray(inputs).tolist())
    return inputs


def rank_of(inputs: Any) -> int:
    """The number of axes of a tensor or nested list: 0 for a single value."""
    shape = getattr(inputs, "shape", None)
    if shape is not None:
        return len(shape)
    if isinstance(inputs, (list, tuple)):
        return 1 + max((rank_of(value) for value in inputs), default=0)
    return 0


class ErrorsAsRaised:
    """Context manager that raises the `ValueError` behind a pipeline's error.

    TensorFlow reports a Python error inside `tf.data` as an error of an operation,
    with the traceback as its message. Inside the context, functions that were wrapped
    by `noting_errors` record their errors. If the context ends with an error, the
    first recorded one is raised in its place.

    Example:

    ```python
    from longkeras.text.pipeline import ErrorsAsRaised, noting_errors

    def fail(x):
        raise ValueError("`x` must be text.")

    try:
        with ErrorsAsRaised():
            try:
                noting_errors(fail)(1)
            except ValueError:
                raise RuntimeError("what TensorFlow reports")
    except ValueError as error:
        assert str(error) == "`x` must be text."
    ```
    """

    def __enter__(self) -> "ErrorsAsRaised":
        self._errors: list[ValueError] = []
        self._token = _noted.set(self._errors)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _noted.reset(self._token)
        if self._errors and isinstance(error, Exception):
            raise self._errors[0] from None


def noting_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function, so that the current `ErrorsAsRaised` context sees its errors.

    The function may run in a thread of a pipeline.
    """
    noted = _noted.get()
    if noted is None:
        return function

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            noted.append(error)
            raise

    return run


def _tensors_of(leaf: Any, tf: Any) -> list[Any]:
    if isinstance(leaf, tf.RaggedTensor):
        return [leaf.flat_values, *leaf.nested_row_splits]
    return [leaf] if isinstance(leaf, tf.Tensor) else []


def _value(arrays: list[Any]) -> Any:
    """An array, or a ragged tensor's values and row splits as nested lists."""
    values, *splits = arrays
    for ends in reversed(splits):
        values = [values[start:end] for start, end in pairwise(ends)]
    return values


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Text must be UTF-8. Received: bytes with {text[error.start]:#x} at "
            f"{error.start}"
        ) from None
