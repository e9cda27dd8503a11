"""A function with a gradient of its own, on every backend."""

import keras


def with_gradient(function, gradient):
    """Join a function of tensors with its gradient.

    Args:
        function: callable of tensors, returning a tensor (the answer) and a tuple of
            tensors that the gradient needs beside the arguments.
        gradient: callable `(arguments, kept, upstream)` returning a tuple of tensors
            like the arguments.

    Returns:
        callable of tensors, returning the answer.
    """
    if keras.backend.backend() == "torch":
        return _for_torch(function, gradient)

    @keras.ops.custom_gradient
    def joined(*arguments):
        answer, kept = function(*arguments)

        def backward(*upstreams, upstream=None):
            upstream = upstreams[0] if upstream is None else upstream
            return gradient(arguments, kept, upstream)

        return answer, backward

    return joined


def _for_torch(function, gradient):
    # Keras' own swallows what fails in a backward pass and differentiates again.
    import torch

    class Recomputed(torch.autograd.Function):
        @staticmethod
        def forward(context, *arguments):
            answer, kept = function(*arguments)
            context.num_arguments = len(arguments)
            context.save_for_backward(*arguments, *kept)
            return answer

        @staticmethod
        def backward(context, upstream):
            saved = context.saved_tensors
            arguments = saved[: context.num_arguments]
            kept = saved[context.num_arguments :]
            return tuple(gradient(arguments, kept, upstream))

    return Recomputed.apply
