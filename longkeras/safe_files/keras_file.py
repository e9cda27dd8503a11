"""The check of a `.keras` file."""

import os
import zipfile
from pathlib import Path
from typing import IO

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.archive import (
    ARCHIVE_ERRORS,
    CONFIG_MEMBER,
    METADATA_MEMBER,
    WEIGHTS_MEMBER,
    check_content,
    check_members,
    member_file,
)
from longkeras.safe_files.configuration import (
    MAX_JSON_BYTES,
    check_classes,
    check_sizes,
    read_configuration,
)
from longkeras.safe_files.weights import check_weights


def check_keras_file(path: str | os.PathLike[str]) -> list[str]:
    """Raises an error if a `.keras` file is damaged, or not safe to load.

    Reads the file once and makes nothing from it. The archive may hold only what
    Keras writes, whole, under plain names; its configuration may name only classes
    that are registered with Keras or are Keras' own layers and their like; its
    weights may be only arrays that are stored in the file. It says nothing about
    whether the weights fit the configuration: loading does.

    Import what registers the classes first: `longkeras.models`, and your own.

    Args:
        path: str or path. The file.

    Returns:
        list of str: the paths of the arrays among its weights.

    Raises:
        CheckpointError: If it is not so. The message names the file and the member,
            array or class that is meant.

    Example:

    ```python
    import keras
    from longkeras.safe_files import check_keras_file

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save("plain.keras")
    check_keras_file("plain.keras")
    ```
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return _check(file)
    except CheckpointError as error:
        raise CheckpointError(f"{error} Received: path={path}") from error
    except ARCHIVE_ERRORS as error:
        raise CheckpointError(
            "The file is not a `.keras` archive: it is of another kind, or it was "
            f"cut short or damaged: {error}. Received: path={path}"
        ) from error


def _check(file: IO[bytes]) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        check_members(archive, file.seek(0, os.SEEK_END))
        check_content(archive)
        for name in (CONFIG_MEMBER, METADATA_MEMBER):
            with archive.open(name) as content:
                configuration = content.read(MAX_JSON_BYTES + 1)
            value = read_configuration(configuration, name)
            check_classes(value, name)
            check_sizes(value, archive.getinfo(WEIGHTS_MEMBER).file_size, name)
        with member_file(archive, file, WEIGHTS_MEMBER) as weights:
            return check_weights(weights, WEIGHTS_MEMBER)
