"""Outputs and gradients as NumPy arrays, whichever backend computes them."""

import math
import re

import keras
import numpy as np
from keras import ops, tree


def outputs_and_gradients(function, inputs, upstream, jit=None):
    """Call a function of tensors, and differentiate `sum(output * upstream)`.

    Args:
        function: callable of the tensors in `inputs`, returning one tensor.
        inputs: list of tensors.
        upstream: float array with the shape of the output.
        jit: bool. Whether XLA compiles the whole computation. By default what
            is quicker for a single call, see `compiled_once`.

    Returns:
        A tuple of the output and the list of gradients, float32 arrays (float64
        for float64 results).
    """
    upstream = ops.convert_to_tensor(upstream)
    differentiate = _BACKENDS[keras.backend.backend()]
    compute = differentiate(function, upstream, jit=bool(jit))
    if jit is None:
        compute = compiled_once(compute)
    output, gradients = compute(*inputs)
    return as_array(output), [as_array(gradient) for gradient in gradients]


def as_array(tensor):
    """A tensor as a NumPy array that compares exactly: never in 16 bits."""
    if keras.backend.standardize_dtype(tensor.dtype) != "float64":
        tensor = ops.cast(tensor, "float32")
    return np.asarray(ops.convert_to_numpy(tensor))


def compiled_once(function):
    """The function made quick for a single call.

    TensorFlow is quickest eagerly. JAX would compile every operation by itself:
    there the whole is compiled at once, with little optimisation.
    """
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def compiled(function):
    """The function as one XLA program, for many calls; eager on PyTorch."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def differentiated(function):
    """The function of tensors that gives the gradients of the output's sum."""
    differentiate = _BACKENDS[keras.backend.backend()]

    def gradients(*inputs):
        return differentiate(function, ops.ones(()), jit=False)(*inputs)[1]

    return gradients


def largest_tensor(function, inputs):
    """Entries of the largest tensor that computing the function makes."""
    if keras.backend.backend() == "torch":
        return _largest_tensor_on_torch(function, inputs)
    shapes = re.findall(r"\b[a-z]+\d*\[([\d,]+)\]", _program_text(function, inputs))
    return max(math.prod(map(int, shape.split(","))) for shape in shapes)


def _largest_tensor_on_torch(function, inputs):
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    sizes = []

    class Recorded(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            result = operation(*args, **(kwargs or {}))
            results = tree.flatten(result)
            sizes.extend(x.numel() for x in results if isinstance(x, torch.Tensor))
            return result

    with Recorded():
        function(*inputs)
    return max(sizes)


def _program_text(function, inputs):
    """The XLA program of a function before optimisation, every shape in it."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function).lower(*inputs).as_text(dialect="hlo")
    import tensorflow as tf

    compiled = tf.function(function, jit_compile=True)
    return compiled.experimental_get_compiler_ir(*inputs)(stage="hlo")


def _weighted_sum(output, upstream):
    return ops.sum(ops.cast(output, upstream.dtype) * upstream)


def _on_tensorflow(function, upstream, jit):
    import tensorflow as tf

    def compute(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = function(*inputs)
            total = _weighted_sum(output, upstream)
        # What the result does not depend on has a gradient too: zero.
        zero = tf.UnconnectedGradients.ZERO
        return output, tape.gradient(total, inputs, unconnected_gradients=zero)

    return tf.function(compute, jit_compile=True) if jit else compute


def _on_jax(function, upstream, jit):
    import jax

    def total_and_output(*inputs):
        output = function(*inputs)
        return _weighted_sum(output, upstream), output

    def compute(*inputs):
        positions = tuple(range(len(inputs)))
        differentiate = jax.grad(total_and_output, argnums=positions, has_aux=True)
        gradients, output = differentiate(*inputs)
        return output, gradients

    return jax.jit(compute) if jit else compute


def _on_torch(function, upstream, jit):
    """Always eager: `jit` has no meaning here."""
    import torch

    def compute(*inputs):
        inputs = [x.detach().clone().requires_grad_() for x in inputs]
        output = function(*inputs)
        total = _weighted_sum(output, upstream)
        gradients = torch.autograd.grad(
            total, inputs, allow_unused=True, materialize_grads=True
        )
        return output.detach(), gradients

    return compute


_BACKENDS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
