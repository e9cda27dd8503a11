"""TensorFlow outside of XLA: work on a long text is one compiled program.

Run operation by operation, in eager mode or in a graph, every step of a walk copies
what it writes into, and the walk is slower than a score matrix; and what is done
number by number goes through memory once an operation. All layers with the same spec
share one program, so that a deep model compiles one attention. Within a model that is
compiled as a whole, the program dissolves in it. JAX compiles loops by itself, and
PyTorch writes in place.
"""

import functools

import keras

# Queries from which on compiling once is worth its second or two: for a single call,
# and in a graph, which was traced to be called often.
_LONG = {"eager": 1024, "graph": 256}


def run_compiled(function, tensors, spec, has_loop=True):
    """Call `function(*tensors, spec)`, compiled where that pays.

    Without a loop it does not pay. And of a program whose gradient TensorFlow derives,
    XLA would evaluate shapes while it compiles a larger one, from all that they are
    computed with: a model would be compiled anew in every step.

    Args:
        function: callable, one and the same object for equal calls. With a loop, its
            gradient is its own.
        tensors: tuple of tensors, queries `(batch, sequence, heads, head_dim)` first.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.
        has_loop: bool. Whether `function` walks over tiles. Defaults to `True`.

    Returns:
        What `function` returns.
    """
    if not has_loop or not _pays(tensors[0].shape[1]):
        return function(*tensors, spec)
    static = spec.with_tensors((None, None, None, None))
    return _program(function, static)(tensors, spec.tensors)


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
    import tensorflow as tf

    mode = "eager" if tf.executing_eagerly() else "graph"
    return length is None or length >= _LONG[mode]


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

    # Of a variable, `custom_gradient` would want to know what it is.
    return lambda *tensors: program(*(tf.convert_to_tensor(x) for x in tensors))


@functools.lru_cache(maxsize=128)
def _program(function, spec):
    import tensorflow as tf

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def program(tensors, masks):
        return function(*tensors, spec.with_tensors(masks))

    return program
