"""NumPy functions as steps of a `tf.data` pipeline, and texts as plain strings."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from longkeras.text.pipeline_errors import noting_errors


@dataclass(frozen=True)
class ArraySpec:
    """What is known of an array before it is there.

    Args:
        dtype: str. Such as `"int32"`; `"string"` for text.
        shape: tuple of int or None, None where a size is not known.
    """

    dtype: str
    shape: tuple[int | None, ...]


def in_graph() -> bool:
    """Whether TensorFlow is tracing, so that values are not there yet.

    Returns:
        bool.
    """
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and not tensorflow.executing_eagerly()


def through_numpy(function: Callable[[Any], Any], inputs: Any, outputs: Any) -> Any:
    """Calls a function of arrays while TensorFlow traces.

    Args:
        function: takes what `inputs` is, with arrays for tensors and nested lists for
            ragged tensors; returns arrays nested as `outputs` is.
        inputs: nest of tensors, ragged tensors and other values.
        outputs: nest of `ArraySpec`.

    Returns:
        Tensors, nested as `outputs` is.
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
    """Rows of different lengths as one tensor of TensorFlow.

    Args:
        values: tensor of shape (sum of lengths,).
        lengths: int tensor of shape (rows,).

    Returns:
        `tf.RaggedTensor` of shape (rows, None).
    """
    import tensorflow as tf

    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)


def plain_values(inputs: Any) -> Any:
    """Texts, numbers and nested rows of them as plain Python values.

    Args:
        inputs: str, bytes (UTF-8), number, array, eager tensor, ragged tensor, None,
            or a list, tuple or dict of these.

    Returns:
        The same with str for text and lists for rows.

    Raises:
        ValueError: If text is no valid Unicode.
    """
    if isinstance(inputs, str):
        return _whole(str(inputs))
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
    """How deeply rows are nested: 0 for a single value.

    Args:
        inputs: a value, a nested list, or a tensor, which need not be there yet.

    Returns:
        int.
    """
    shape = getattr(inputs, "shape", None)
    if shape is not None:
        return len(shape)
    if isinstance(inputs, (list, tuple)):
        return 1 + max((rank_of(value) for value in inputs), default=0)
    return 0


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


def _whole(text: str) -> str:
    """Half a surrogate pair is no character."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                "Text must hold whole characters, and no half of a surrogate pair. "
                f"Received: {text[error.start]!r} at {error.start}"
            ) from None
    return text
