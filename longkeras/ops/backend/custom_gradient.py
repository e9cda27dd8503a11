"""Functions with a custom gradient, on every backend."""

import keras


def custom_gradient(function, gradient):
    """Give a function of tensors a custom gradient.

    Args:
        function: callable `(arguments, constants)`. Returns the output, a tensor or a
            tuple of tensors, and a tuple of tensors to keep for the gradient.
        gradient: callable `(arguments, constants, kept, upstream)`, with `upstream`
            like the output. Returns a tuple of tensors like the arguments.

    Returns:
        callable `(arguments, constants)` that returns the output. Both are tuples of
        tensors; constants may be None and have no gradient.
    """
    backends = {"torch": _for_torch, "jax": _for_jax, "tensorflow": _for_tensorflow}
    return backends[keras.backend.backend()](function, gradient)


def _for_tensorflow(function, gradient):
    import tensorflow as tf

    def call(arguments, constants):
        @tf.custom_gradient
        def joined(*arguments):
            answer, kept = function(arguments, constants)

            def backward(*upstream):
                upstream = upstream if isinstance(answer, tuple) else upstream[0]
                return gradient(arguments, constants, kept, upstream)

            return answer, backward

        return joined(*arguments)

    return call


def _for_jax(function, gradient):
    # Constants are arguments too: a closure would leak tracers from `jax.checkpoint`.
    import jax

    @jax.custom_vjp
    def call(arguments, constants):
        return function(arguments, constants)[0]

    def forward(arguments, constants):
        answer, kept = function(arguments, constants)
        return answer, (arguments, constants, kept)

    def backward(saved, upstream):
        return tuple(gradient(*saved, upstream)), None

    call.defvjp(forward, backward)
    return call


def _for_torch(function, gradient):
    # `keras.ops.custom_gradient` hides errors of the backward pass on PyTorch.
    import torch

    def call(arguments, constants):
        class Recomputed(torch.autograd.Function):
            @staticmethod
            def forward(context, *arguments):
                answer, kept = function(arguments, constants)
                context.num_arguments = len(arguments)
                context.is_single = not isinstance(answer, tuple)
                context.save_for_backward(*arguments, *kept)
                return answer

            @staticmethod
            def backward(context, *upstream):
                upstream = upstream[0] if context.is_single else upstream
                saved = context.saved_tensors
                arguments = saved[: context.num_arguments]
                kept = saved[context.num_arguments :]
                return tuple(gradient(arguments, constants, kept, upstream))

        return Recomputed.apply(*arguments)

    return call
