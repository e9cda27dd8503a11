"""Variables in an HDF5 file, each as it is, whatever its dtype."""

import os
from typing import Any


def write_variables(group: Any, variables: list[Any]) -> None:
    """Writes variables into a group, one array each, in their order.

    Args:
        group: `h5py.Group`, empty.
        variables: list of `keras.Variable`.
    """
    from keras import ops

    for number, variable in enumerate(variables):
        array = ops.convert_to_numpy(variable)
        # HDF5 has no bfloat16 nor float8: their bytes are stored.
        is_opaque = array.dtype.kind == "V"
        stored = array.view(f"u{array.itemsize}") if is_opaque else array
        group[str(number)] = stored
        attributes = {"dtype": array.dtype.name, "path": variable.path}
        group[str(number)].attrs.update(attributes)


def read_arrays(group: Any) -> list[tuple[str, Any]]:
    """Reads what `write_variables` wrote.

    Args:
        group: `h5py.Group`.

    Returns:
        list of `(path, array)`: the path of each variable, and its value.
    """
    datasets = [group[str(number)] for number in range(len(group))]
    return [
        (each.attrs["path"], each[...].view(each.attrs["dtype"])) for each in datasets
    ]


def add_variables(
    path: str | os.PathLike[str], name: str, variables: list[Any], **attributes: Any
) -> None:
    """Adds variables to an HDF5 file.

    Args:
        path: str or path. The file, which is there.
        name: str. A new group of it.
        variables: list of `keras.Variable`.
        **attributes: numbers, or lists of str, to keep with them.
    """
    import h5py

    with h5py.File(path, "a") as file:
        group = file.create_group(name)
        write_variables(group, variables)
        group.attrs.update(attributes)


def added_arrays(
    path: str | os.PathLike[str], name: str
) -> tuple[list[tuple[str, Any]], dict[str, Any]] | None:
    """Reads what `add_variables` added.

    Args:
        path: str or path. The file.
        name: str. The group.

    Returns:
        What `read_arrays` returns and the attributes; None if there is no such group.
    """
    import h5py

    with h5py.File(path) as file:
        if name not in file:
            return None
        return read_arrays(file[name]), dict(file[name].attrs)
