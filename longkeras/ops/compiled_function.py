"""Compile a function of tensors that reads a model's variables, on every backend."""

import keras


def compiled_function(function, model):
    """Compile `function` with XLA; the model's variables may change afterwards.

    Args:
        function: callable of nested structures of tensors, without side effects.
        model: `keras.Model` whose variables `function` reads.

    Returns:
        callable with the arguments and results of `function`; each new shape is
        compiled once.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if backend == "jax":
        return _compiled_for_jax(function, model)
    return _without_gradient(function)


def _compiled_for_jax(function, model):
    import jax

    @jax.jit
    def stateless(values, *args):
        mapping = zip(model.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            return function(*args)

    def call(*args):
        return stateless([variable.value for variable in model.variables], *args)

    return call


def _without_gradient(function):
    import torch

    def call(*args):
        with torch.no_grad():
            return function(*args)

    return call
