"""Weights that survive an error in the data on JAX."""

import contextlib

import keras


@contextlib.contextmanager
def kept_weights(model):
    """Give a model its weights back if reading a batch fails.

    On JAX, Keras takes the values of all variables out of the model while `fit`,
    `evaluate` and `predict` run, and does not put them back when an error ends the
    loop (as of Keras 3.15): the model could not be used any more.

    Args:
        model: `keras.Model`.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    state = vars(model).get("_jax_state")
    values = [(variable, variable.value) for variable in model.variables]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        values += [(variable, variable.value) for variable in optimizer.variables]
    try:
        yield
    except BaseException:
        if vars(model).get("_jax_state") is not state:
            model.jax_state_sync()  # steps were done, whose values count
        for variable, value in values:
            if _is_lost(variable):
                variable.assign(value)
        raise


def _is_lost(variable):
    try:
        return variable.value is None
    except TypeError:  # Keras calls an initializer that it does not have any more.
        return True
