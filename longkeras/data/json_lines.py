"""Reader of JSON lines, compressed by bzip2."""

import bz2
import json
from pathlib import Path

from longkeras.text.document_encoding import without_byte_order_mark

SPLITS = ("train", "valid", "test")


def read_json_lines(folder, split, parse):
    """Yield `parse(object)` for each object in `{split}.jsonl.bz2` of a folder.

    Byte order marks are removed, also from the start of strings, which may be files.
    Errors of `parse` are raised again with the file and the line.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: split={split!r}")
    path = Path(folder) / f"{split}.jsonl.bz2"
    if not path.is_file():
        raise FileNotFoundError(f"`folder` has no {path.name}. Received: {folder}")
    return _read_lines(path, parse)


def _read_lines(path, parse):
    number = 0
    try:
        with bz2.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if without_byte_order_mark(line).strip():
                    yield parse(_json_object(line))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, after line {number}: not UTF-8 ({error})") from error
    except (OSError, EOFError) as error:
        raise ValueError(
            f"{path}, after line {number}: not a whole bzip2 file ({error})"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from error


def _json_object(line):
    # In files that were joined, any line may begin with a mark.
    record = json.loads(without_byte_order_mark(line))
    if not isinstance(record, dict):
        raise ValueError("a line must be a JSON object")
    return _without_marks(record)


def _without_marks(value):
    if isinstance(value, str):
        return without_byte_order_mark(value)
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_marks(item) for name, item in value.items()}
    return value
