"""Scans over time and writes into slices, on every backend.

On TensorFlow, `keras.ops.scan` gives stacked outputs the dtype of the carry. So each
backend has its own scan here.
"""

import keras
from keras import ops, tree


def scan_time(step, initial, inputs, reverse=False, num_stacked=None):
    """Scan `step` over the first axis of `inputs`. Differentiable on every backend.

    Args:
        step: callable `(carry, slices) -> (carry, outputs)`; both are tuples of
            tensors of constant shapes.
        initial: tuple of tensors, the first carry.
        inputs: tuple of tensors `(time, ...)`; all but the first may be unstacked
            outputs of another scan.
        reverse: bool. Whether to scan from the last step to the first; outputs keep the
            order of `inputs`. Defaults to `False`.
        num_stacked: int. Number of outputs, from the first, that must be tensors. The
            others can only be `inputs` of another scan, which saves TensorFlow a copy.
            Defaults to `None`, all.

    Returns:
        `(carry, outputs)`: the last carry and a tuple of tensors `(time, ...)`.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _scan_tensorflow(step, initial, inputs, reverse, num_stacked)
    if backend == "jax":
        import jax

        return jax.lax.scan(step, initial, inputs, reverse=reverse)
    return _scan_eagerly(step, initial, inputs, reverse)


def _scan_eagerly(step, initial, inputs, reverse):
    length = inputs[0].shape[0]
    carry, collected = initial, []
    for t in reversed(range(length)) if reverse else range(length):
        carry, outputs = step(carry, tuple(x[t] for x in inputs))
        collected.append(outputs)
    if reverse:
        collected.reverse()
    return carry, tuple(ops.stack(rows) for rows in zip(*collected, strict=True))


def _scan_tensorflow(step, initial, inputs, reverse, num_stacked):
    import tensorflow as tf

    if tf.executing_eagerly():
        # Tracing a step takes longer than running many small ones.
        return _scan_eagerly(step, initial, inputs, reverse)
    length = ops.shape(inputs[0])[0]
    # Tracing one step gives the outputs' dtypes and shapes without running it.
    specs = tf.function(
        lambda carry, slices: step(carry, slices)[1], autograph=False
    ).get_concrete_function(
        tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), initial),
        tuple(_step_spec(x) for x in inputs),
    )
    arrays = tuple(
        tf.TensorArray(spec.dtype, size=length, element_shape=spec.shape)
        for spec in specs.structured_outputs
    )

    def body(count, carry, arrays):
        t = length - 1 - count if reverse else count
        carry, outputs = step(carry, tuple(_step_of(x, t) for x in inputs))
        arrays = tuple(
            array.write(t, output)
            for array, output in zip(arrays, outputs, strict=True)
        )
        return count + 1, carry, arrays

    _, carry, arrays = tf.while_loop(
        lambda count, *_: count < length,
        body,
        (tf.constant(0), initial, arrays),
        maximum_iterations=length,
    )
    stacked = tuple(array.stack() for array in arrays[:num_stacked])
    return carry, stacked + arrays[len(stacked) :]


def _step_spec(x):
    import tensorflow as tf

    is_array = isinstance(x, tf.TensorArray)
    return tf.TensorSpec(x.element_shape if is_array else x.shape[1:], x.dtype)


def _step_of(x, t):
    import tensorflow as tf

    return x.read(t) if isinstance(x, tf.TensorArray) else x[t]


def write_slice(total, starts, part):
    """Write `part` into `total` at `starts`.

    The caller must not use `total` again: it is overwritten in compiled loops and on
    PyTorch, where this must not be differentiated.

    Args:
        total: tensor.
        starts: tuple of ints or int scalar tensors, one an axis.
        part: tensor with as many axes as `total`, of its dtype.

    Returns:
        The tensor with the part written.
    """
    if keras.backend.backend() != "torch":
        return ops.slice_update(total, starts, part)
    places = zip(starts, part.shape, strict=True)
    total[tuple(slice(start, start + length) for start, length in places)] = part
    return total
