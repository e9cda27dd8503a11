"""Compilation of functions that read a model's variables."""

import keras


def compiled_function(function, model, changed=(), donated=None, jit_compile=True):
    """Compile a function with XLA. The model's variables may change between calls.

    Args:
        function: callable of nested structures of tensors.
        model: `keras.Model` whose variables `function` reads.
        changed: list of `keras.Variable` that `function` changes. Defaults to `()`.
        donated: int. Index of an argument of `function` whose memory the results may
            reuse on JAX; the caller must not use it again. Defaults to `None`.
        jit_compile: bool. Whether TensorFlow uses XLA. Defaults to `True`.

    Returns:
        callable with the arguments and results of `function`, which is compiled once
        for each shape.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return _compiled_for_jax(function, model, changed, donated)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit_compile, autograph=False)
    return _without_gradient(function)


def _compiled_for_jax(function, model, changed, donated):
    import jax

    def stateless(values, *args):
        mapping = list(zip([*model.variables, *changed], values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(*args)
        return outputs, [scope.get_current_value(variable) for variable in changed]

    compiled = jax.jit(stateless, donate_argnums=() if donated is None else 1 + donated)

    def call(*args):
        values = [variable.value for variable in [*model.variables, *changed]]
        outputs, new_values = compiled(values, *args)
        for variable, value in zip(changed, new_values, strict=True):
            variable.assign(value)
        return outputs

    return call


def _without_gradient(function):
    import torch

    def call(*args):
        with torch.no_grad():
            return function(*args)

    return call
