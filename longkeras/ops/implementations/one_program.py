"""TensorFlow outside of XLA: attention over a long text is one compiled program.

Run operation by operation, in eager mode or in a graph, every step of a walk copies
what it writes into, and the walk is slower than a score matrix. All layers with the
same rule share one program, so that a deep model compiles one attention. Within a
model that is compiled as a whole, the program dissolves in it. JAX compiles loops by
itself, and PyTorch writes in place.
"""

import functools

import keras

# Queries from which on compiling once is worth its second or two: for a single call,
# and in a graph, which was traced to be called often.
_LONG = {"eager": 1024, "graph": 256}


def run(function, tensors, rule):
    """Call `function(*tensors, rule)`, compiled where that pays.

    Args:
        function: callable, one and the same object for equal calls.
        tensors: tuple of tensors, queries `(batch, sequence, heads, head_dim)` first.
        rule: `longkeras.ops.attention_rule.AttentionRule`.

    Returns:
        What `function` returns.
    """
    if keras.backend.backend() != "tensorflow":
        return function(*tensors, rule)
    import tensorflow as tf

    length = tensors[0].shape[1]
    mode = "eager" if tf.executing_eagerly() else "graph"
    if length is not None and length < _LONG[mode]:
        return function(*tensors, rule)
    static = rule.with_tensors((None, None, None, None))
    return _program(function, static)(tensors, rule.tensors)


@functools.lru_cache(maxsize=128)
def _program(function, rule):
    import tensorflow as tf

    @functools.partial(tf.function, jit_compile=True, autograph=False)
    def program(tensors, masks):
        return function(*tensors, rule.with_tensors(masks))

    return program
