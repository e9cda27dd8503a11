"""The state of callbacks, in the file of a checkpoint."""

import numpy as np

_GROUP = "callbacks"
# What HDF5 takes beside an array, generously.
_BYTES_PER_ARRAY = 8 * 2**10


def callback_states(callbacks):
    """What each needs to go on.

    Args:
        callbacks: sequence of callbacks with `get_state()`, a dict of arrays.

    Returns:
        list of dicts of NumPy arrays.
    """
    return [
        {name: np.asarray(value) for name, value in callback.get_state().items()}
        for callback in callbacks
    ]


def states_bytes(states):
    """The space that states take on the disk, at most.

    Args:
        states: from `callback_states`.

    Returns:
        int: bytes.
    """
    arrays = [array for state in states for array in state.values()]
    return sum(array.nbytes + _BYTES_PER_ARRAY for array in arrays)


def write_callback_states(file, states):
    """Write states.

    Args:
        file: `h5py.File`, open for writing.
        states: from `callback_states`.
    """
    for number, state in enumerate(states):
        group = file.create_group(f"{_GROUP}/{number}")
        for name, array in state.items():
            group.create_dataset(name, data=array)


def read_callback_states(file, callbacks):
    """Give each what was written of it.

    Args:
        file: `h5py.File`.
        callbacks: sequence of callbacks with `set_state(state)`, as many and in the
            same order as when it was written.

    Raises:
        ValueError: If the file has the states of more or of fewer callbacks.
    """
    groups = file.get(_GROUP, {})
    if len(groups) != len(callbacks):
        raise ValueError(
            f"it has the states of {len(groups)} callbacks, not of {len(callbacks)}"
        )
    for number, callback in enumerate(callbacks):
        group = groups[str(number)]
        callback.set_state({name: group[name][()] for name in group})
