"""The content of a checkpoint's HDF5 file: a run's variables and its callbacks' state.

Variables are stored raw, not by `keras.Model.save_weights`: of a layer with LoRA, Keras
saves the merged kernel and sets both factors to zero when it loads. Neither factor has
a gradient then, so that training could not continue.
"""

import numpy as np
from keras import backend

from longkeras.safe_files.variable_arrays import read_arrays, write_variables

_VARIABLES, _CALLBACKS = "variables", "callbacks"
_PARTS = ("model", "optimizer")
# A generous bound for HDF5's overhead per array.
_BYTES_PER_ARRAY = 8 * 2**10


def write_run_variables(file, model):
    """Write all variables of a compiled model and of its optimizer."""
    for part, variables in zip(_PARTS, _variables(model), strict=True):
        write_variables(file.create_group(f"{_VARIABLES}/{part}"), variables)


def has_run_variables(file):
    """Return whether a file holds variables; those of longkeras 0.1 hold none."""
    return _VARIABLES in file


def read_run_variables(file, model):
    """Assign what `write_run_variables` wrote to a model with a built optimizer.

    If a variable is missing or differs in shape or kind, nothing is assigned.
    """
    pairs = []
    for part, variables in zip(_PARTS, _variables(model), strict=True):
        arrays = read_arrays(file[f"{_VARIABLES}/{part}"])
        if len(arrays) != len(variables):
            raise ValueError(
                f"it has {len(arrays)} variables of the {part}, where there are "
                f"{len(variables)} now. Prepare both runs alike: `enable_lora`, "
                "`quantize`, `trainable`, `compile`"
            )
        pairs += zip(variables, arrays, strict=True)
    for variable, (path, array) in pairs:
        _check(variable, path, array)
    for variable, (_, array) in pairs:
        variable.assign(array)


def callback_states(callbacks):
    """The `get_state()` of each callback, a dict of NumPy arrays."""
    return [
        {name: np.asarray(value) for name, value in callback.get_state().items()}
        for callback in callbacks
    ]


def states_bytes(states):
    """An upper bound of the space that states take on the disk."""
    arrays = [array for state in states for array in state.values()]
    return sum(array.nbytes + _BYTES_PER_ARRAY for array in arrays)


def write_callback_states(file, states):
    """Write the states that `callback_states` returned."""
    for number, state in enumerate(states):
        group = file.create_group(f"{_CALLBACKS}/{number}")
        for name, array in state.items():
            group.create_dataset(name, data=array)


def read_callback_states(file, callbacks):
    """Call `set_state` of each callback, in the order in which they were written."""
    groups = file.get(_CALLBACKS, {})
    if len(groups) != len(callbacks):
        raise ValueError(
            f"it has the states of {len(groups)} callbacks, not of {len(callbacks)}"
        )
    for number, callback in enumerate(callbacks):
        group = groups[str(number)]
        callback.set_state({name: group[name][()] for name in group})


def _variables(model):
    return model.variables, model.optimizer.variables


def _check(variable, path, array):
    if array.shape != tuple(variable.shape):
        raise ValueError(
            f"its {path} has the shape {array.shape}, where {variable.path} has "
            f"{tuple(variable.shape)}"
        )
    if _is_float(array.dtype.name) != _is_float(variable.dtype):
        raise ValueError(
            f"its {path} is {array.dtype.name}, where {variable.path} is "
            f"{variable.dtype}"
        )


def _is_float(dtype):
    return backend.is_float_dtype(dtype)
