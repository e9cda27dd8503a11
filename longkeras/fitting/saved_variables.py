"""The variables of a run in the file of a checkpoint.

They are stored raw, not by `keras.Model.save_weights`: of a layer with LoRA Keras saves
the merged kernel, and sets both factors to zero when it loads. Neither has a gradient
then, so that training could not go on.
"""

from keras import backend

from longkeras.safe_files.variable_arrays import read_arrays, write_variables

_GROUP = "variables"
_PARTS = ("model", "optimizer")


def write_run_variables(file, model):
    """Write all variables of a model and of its optimizer.

    Args:
        file: `h5py.File`, open for writing.
        model: compiled `keras.Model`.
    """
    for part, variables in zip(_PARTS, _variables(model), strict=True):
        write_variables(file.create_group(f"{_GROUP}/{part}"), variables)


def has_run_variables(file):
    """Return whether a file was written by `write_run_variables`.

    Args:
        file: `h5py.File`.

    Returns:
        bool. False for files in Keras' layout, which longkeras 0.1 wrote.
    """
    return _GROUP in file


def read_run_variables(file, model):
    """Give all variables of a model and of its optimizer what was written of them.

    Args:
        file: `h5py.File`.
        model: compiled `keras.Model`, whose optimizer is built.

    Raises:
        ValueError: If the file has more or fewer variables, or one of another shape
            or kind. Nothing has been assigned then.
    """
    pairs = []
    for part, variables in zip(_PARTS, _variables(model), strict=True):
        arrays = read_arrays(file[f"{_GROUP}/{part}"])
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
