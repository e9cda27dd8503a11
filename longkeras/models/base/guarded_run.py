"""A run over data that leaves the model usable and reports the original error."""

import contextlib
import warnings

import keras

from longkeras.text.pipeline_errors import ErrorsAsRaised


@contextlib.contextmanager
def guarded_run(model, *steps):
    """Context for `keras.Model.fit`, `evaluate` and `predict`.

    Errors in the data are raised as they were, and keep the weights. Unless one of
    `steps` is given, Keras does not warn that data of unknown length has ended.
    """
    with ErrorsAsRaised(), _kept_weights(model), warnings.catch_warnings():
        if not any(steps):
            # Keras warns whenever a generator or the like ends.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


@contextlib.contextmanager
def _kept_weights(model):
    """Restore the weights if reading a batch fails on JAX.

    There, Keras takes the values of all variables out of the model while it runs, and
    does not put them back when an error ends the loop (as of Keras 3.15).
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
            model.jax_state_sync()  # the values of the steps that were completed
        for variable, value in values:
            if _is_lost(variable):
                variable.assign(value)
        raise


def _is_lost(variable):
    try:
        return variable.value is None
    except TypeError:  # Keras calls an initializer that it does not have any more.
        return True
