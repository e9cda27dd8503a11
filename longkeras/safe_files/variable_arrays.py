"""Variables in an HDF5 file, of any dtype."""

import os
from typing import Any


def write_variables(group: Any, variables: list[Any]) -> None:
    """Write variables into an empty `h5py.Group`, one array each, in their order."""
    from keras import ops

    for number, variable in enumerate(variables):
        array = ops.convert_to_numpy(variable)
        # HDF5 has no bfloat16 and float8: their bytes are stored.
        is_opaque = array.dtype.kind == "V"
        stored = array.view(f"u{array.itemsize}") if is_opaque else array
        group[str(number)] = stored
        attributes = {"dtype": array.dtype.name, "path": variable.path}
        group[str(number)].attrs.update(attributes)


def read_arrays(group: Any) -> list[tuple[str, Any]]:
    """The `(path, array)` of each variable that `write_variables` wrote."""
    datasets = [group[str(number)] for number in range(len(group))]
    return [
        (each.attrs["path"], each[...].view(each.attrs["dtype"])) for each in datasets
    ]


def add_variables(
    path: str | os.PathLike[str], name: str, variables: list[Any], **attributes: Any
) -> None:
    """Add a new group of variables, with attributes, to an HDF5 file."""
    import h5py

    with h5py.File(path, "a") as file:
        group = file.create_group(name)
        write_variables(group, variables)
        group.attrs.update(attributes)


def added_arrays(
    path: str | os.PathLike[str], name: str
) -> tuple[list[tuple[str, Any]], dict[str, Any]] | None:
    """The arrays and attributes that `add_variables` added; None without the group."""
    import h5py

    with h5py.File(path) as file:
        if name not in file:
            return None
        return read_arrays(file[name]), dict(file[name].attrs)
