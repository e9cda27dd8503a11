"""Compile a function of tensors that reads a model's variables, on every backend."""

import keras


def compiled_function(
    function, model, given=None, changed=(), donated=None, jit_compile=True
):
    """Compile `function` with XLA; the model's variables may change afterwards.

    Args:
        function: callable of nested structures of tensors.
        model: `keras.Model` whose variables `function` reads.
        given: list of `keras.Variable`, such as the seeds of a sampler. At each call
            their values come as a list in front of the arguments, the variables stay
            as they are. Defaults to `()`, and there is no such list.
        changed: list of `keras.Variable` that `function` changes. Defaults to `()`,
            none.
        donated: int. Index among `function`'s arguments of one whose memory the
            results may take, on JAX: it cannot be used again. Defaults to `None`.
        jit_compile: bool. Whether TensorFlow uses XLA. Defaults to `True`.

    Returns:
        callable with the arguments and results of `function`; each new shape is
        compiled once.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return _compiled_for_jax(function, model, given, changed, donated)
    if given is not None:
        function = _with_given(function, given)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit_compile, autograph=False)
    return _without_gradient(function)


def _with_given(function, given):
    def call(values, *args):
        mapping = list(zip(given, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*args)

    return call


def _compiled_for_jax(function, model, given, changed, donated):
    import jax

    def stateless(values, given_values, *args):
        mapping = [
            *zip([*model.variables, *changed], values, strict=True),
            *zip(given or (), given_values, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(*args)
        return outputs, [scope.get_current_value(variable) for variable in changed]

    compiled = jax.jit(stateless, donate_argnums=() if donated is None else 2 + donated)

    def call(*args):
        given_values = ()
        if given is not None:
            given_values, *args = args
        values = [variable.value for variable in [*model.variables, *changed]]
        outputs, new_values = compiled(values, given_values, *args)
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
