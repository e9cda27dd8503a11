"""XLA programs for long texts on TensorFlow.

Without XLA every step of a loop copies the tensors it writes to, and a loop over tiles
is slower than a score matrix; elementwise functions go through memory once for each
operation. All layers with the same spec share one program, so that a deep model
compiles one attention. Inside a model that is compiled as a whole the program becomes
part of it. JAX compiles loops by itself, and PyTorch writes in place.
"""

import functools

import keras

# Tokens from which on compiling once is worth its second or two: for a single call,
# and in a graph, which was traced to be called often.
_LEAST_LENGTH = {"eager": 1024, "graph": 256}


def is_tracing():
    """Whether TensorFlow is tracing a graph; False on other backends."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.executing_eagerly()


def least_length(is_graph):
    """The length from which on a program of its own pays on TensorFlow, an int."""
    return _LEAST_LENGTH["graph" if is_graph else "eager"]


def run_compiled(function, tensors, spec):
    """Call `function(*tensors, spec)`, compiled by XLA on TensorFlow.

    `longkeras.ops.attention.dispatch` decides about it. The gradient of `function` must
    be its own: if TensorFlow derives the gradient of a program, XLA evaluates shapes
    while it compiles a larger program, from everything they are computed with, and a
    model would be compiled anew in every step.

    Args:
        function: callable, one and the same object for equal calls.
        tensors: tuple of tensors.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        What `function` returns.
    """
    return _program(function, spec.static())(tensors, spec.tensors)


def run_elementwise(function, *tensors, is_kept=True):
    """Call `function(*tensors)`, which has no matrix product, compiled where that pays.

    Compiled, the gradient computes all of it again and keeps nothing but `tensors`.

    Args:
        function: callable, one and the same object for equal calls.
        *tensors: tensors, the first `(batch, sequence, ...)`.
        is_kept: bool. Whether the gradient may keep more where nothing is compiled.
            Defaults to `True`.

    Returns:
        What `function` returns.
    """
    shape = tensors[0].shape
    if len(shape) == 3 and _pays(shape[1]):
        return _recomputed_program(function)(*tensors)
    if is_kept:
        return function(*tensors)
    # A new function each time: JAX takes one it has met, with what it closed over.
    return keras.remat(lambda *tensors: function(*tensors))(*tensors)


def _pays(length):
    if keras.backend.backend() != "tensorflow":
        return False
    return length is None or length >= least_length(is_tracing())


@functools.lru_cache(maxsize=128)
def _recomputed_program(function):
    """`function` as a program, and its gradient as another of the same tensors.

    One program with a gradient that TensorFlow derives would hand what that needs from
    the one to the other, copies of the tensors themselves among them.
    """
    import tensorflow as tf

    # Under a signature of its own, TensorFlow would make tensors of its defaults.
    forward = tf.function(
        lambda *tensors: function(*tensors), jit_compile=True, autograph=False
    )

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def backward(tensors, upstream):
        floats = [x for x in tensors if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floats)
            outputs = function(*tensors)
        return tape.gradient(outputs, floats, upstream)

    @tf.custom_gradient
    def program(*tensors):
        def gradient(upstream):
            floats = iter(backward(tensors, upstream))
            return [next(floats) if x.dtype.is_floating else None for x in tensors]

        return forward(*tensors), gradient

    # `custom_gradient` does not accept variables, so pass their values.
    return lambda *tensors: program(*(tf.convert_to_tensor(x) for x in tensors))


@functools.lru_cache(maxsize=128)
def _program(function, spec):
    import tensorflow as tf

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def program(tensors, masks):
        return function(*tensors, spec.with_tensors(masks))

    return program
