"""JSON from a stranger: one object, every key once, no numbers that are none."""

import json
from pathlib import Path
from typing import Any, NoReturn

from longkeras.checkpoint_error import CheckpointError
from longkeras.text.decoding import without_byte_order_mark


def parse_object(content: bytes, path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        content: bytes, UTF-8, with or without a byte order mark.
        path: path. The file that it comes from, for messages.

    Returns:
        dict.

    Raises:
        CheckpointError: If it is not one JSON object, says a key twice, or holds NaN
            or infinity.
    """
    try:
        value = json.loads(
            without_byte_order_mark(content.decode("utf-8")),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"The file is not the JSON that it should be: {error}. "
            f"Received: path={path}"
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"The file must hold one JSON object. Received: path={path}"
        )
    return value


def read_object(path: Path) -> dict[str, Any]:
    """Reads a file that holds one JSON object; see `parse_object`.

    Args:
        path: path.

    Returns:
        dict.

    Raises:
        CheckpointError: If there is no such file, or nothing but one JSON object.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"The file cannot be read: {error}. Received: path={path}"
        ) from error
    return parse_object(content, path)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})[:5]
        raise ValueError(f"it says {', '.join(twice)} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
