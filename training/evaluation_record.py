"""Records of measurements: one JSON file per run."""

import datetime
import json
import pathlib
import re
import resource
import sys

import keras

from longkeras.atomic_files import replaced_file
from longkeras.evaluation import theoretical_reach
from tools import machine

SCHEMA = 1
# The settings that determine the positions drawn from a text.
_DRAWN_BY = {
    "context": ("context_bytes", "target_bytes", "passages", "seed"),
    "positions": ("position_length", "passages", "seed"),
}
_ROW_OF_NUMBERS = re.compile(r"\[[-\d\s.,eE+]*\]")


class EvaluationRecord:
    """The measurements of one model, written after each of them.

    Args:
        path: path of the JSON file.
        model: the model that is measured.
        name: str. Its name.
        settings: dict. What the run was asked for.
        **facts: `parameters`, `context_length` and `theoretical_reach` of a model
            that does not say them itself, since it is no language model.
    """

    def __init__(self, path, model, name, settings, **facts):
        self.path = pathlib.Path(path)
        self.content = {
            "schema": SCHEMA,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "model": {
                "name": name,
                "task": type(model).__name__,
                **(facts or _facts(model)),
            },
            "settings": settings,
            "backend": keras.backend.backend(),
            "versions": machine.versions(),
            "hardware": machine.hardware(),
            "commit": machine.commit(),
            "measurements": [],
        }

    def add(self, task, text_set, seconds, **numbers):
        """Add one measurement and write the file.

        Args:
            task: str.
            text_set: `TextSet` it was measured on.
            seconds: float. Time taken, compilation included.
            **numbers: what JSON can hold.
        """
        measurement = {
            "task": task,
            "texts": text_set.name,
            "language": text_set.language,
            "data": text_set.description,
            "seconds": round(seconds, 1),
            "load": machine.load(),
            "peak_memory_bytes": peak_memory(),
            **numbers,
        }
        self.content["measurements"].append(measurement)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(self.path) as place:
            place.write_text(as_json(self.content), "utf-8")


def _facts(model):
    return {
        "parameters": model.count_params(),
        "context_length": model.context_length,
        "theoretical_reach": theoretical_reach(model),
    }


def as_json(content):
    """JSON with a line for each key, and for each row of numbers.

    Args:
        content: what JSON can hold.

    Returns:
        str.
    """
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    return _ROW_OF_NUMBERS.sub(lambda row: " ".join(row[0].split()), text)


def read_records(folder):
    """The records in a folder, by file name.

    Args:
        folder: path.

    Returns:
        list of dict.

    Raises:
        ValueError: For a record of another schema.
    """
    records = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if record.get("schema") != SCHEMA:
            raise ValueError(
                f"{path} must be of schema {SCHEMA}. "
                f"Received: schema={record.get('schema')}"
            )
        records.append(record)
    return records


def comparable_measurements(records, task, perturbation=None):
    """Group the measurements made at the same places of the same texts.

    Args:
        records: list of dict, from `read_records`.
        task: `"context"` or `"positions"`.
        perturbation: str. Which one, for `"context"`. Defaults to `None`.

    Returns:
        list of groups, each a list of `(model name, measurement)`.
    """
    groups = {}
    for record in records:
        drawn = tuple(record["settings"].get(name) for name in _DRAWN_BY[task])
        for one in record["measurements"]:
            if one["task"] == task and one.get("perturbation") == perturbation:
                group = groups.setdefault((one["texts"], drawn), [])
                group.append((record["model"]["name"], one))
    return [groups[each] for each in sorted(groups)]


def measurements_of(records, task):
    """List the measurements of a task.

    Args:
        records: list of dict, from `read_records`.
        task: str.

    Returns:
        list of `(model, measurement)`, both dict.
    """
    return [
        (record["model"], one)
        for record in records
        for one in record["measurements"]
        if one["task"] == task
    ]


def peak_memory():
    """int. Most resident memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
