"""Choice of the task, and of the checkpoint's head or a new one."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.family import ENDINGS, Family, Head
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors

_log = logging.getLogger(__name__)

# One name for the layer of three classifiers: texts (BERT), tokens, and choices.
_AMBIGUOUS = "classifier.weight"
# `transformers` does not write this number of labels down.
_DEFAULT_CLASSES = 2
_GENERIC_LABEL = re.compile(r"LABEL_\d+")


@dataclass(frozen=True)
class HeadChoice:
    """A task's head.

    Attributes:
        is_kept: bool. Whether the checkpoint's head is read.
        arguments: dict. `num_classes` and `class_names` of a classifier.
    """

    is_kept: bool
    arguments: dict[str, Any]


def own_task(config: dict[str, Any]) -> str | None:
    """The task for which a checkpoint was saved, by its `architectures`.

    `"backbone"` where it names none, and None for one that has no counterpart here.
    """
    architecture = str((config.get("architectures") or ["Model"])[0])
    tasks = (task for task, ends in ENDINGS.items() if architecture.endswith(ends))
    return next(tasks, None)


def wanted_head(request: LoadRequest, family: Family) -> Head:
    """The head of the requested task, or else of the checkpoint's own."""
    task = own_task(request.config) if request.task is None else request.task
    head = family.head_for(task)
    if head is not None:
        return head
    if family.refusal is not None and isinstance(task, type):
        raise family.refusal(request, "it is of another kind", task=task.__name__)
    if family.refusal is not None and task in ENDINGS:
        raise family.refusal(request, f"it has no {task}", task=task)
    raise CheckpointError(
        f"`task` must be one of {', '.join(ENDINGS)}, or one of their classes, where "
        "config.json names no architecture that is known here. Received: "
        f"path={request.path}, architectures={request.config.get('architectures')}, "
        f"task={request.task}"
    )


def choose_head(request: LoadRequest, head: Head, tensors: Tensors) -> HeadChoice:
    """Decide whether the checkpoint's head is kept, and name the classes.

    It is kept for the same task with the requested number of classes. That is
    `num_classes`, or the number of `class_names`, or else the checkpoint's. Without
    weights, `tensors` is empty.
    """
    has_head = _has_head(request.config, head, tensors)
    if head.classes is None:
        _refuse_classes(request, head)
        return HeadChoice(has_head, {})
    names, wanted = request.overrides.get("class_names"), request.num_classes
    stored = None
    if has_head and head.classes in tensors:
        stored = next(iter(tensors[head.classes].shape), None)
    is_kept = has_head and (None in (wanted, stored) or wanted == stored)
    described = _described_classes(request)
    is_own = own_task(request.config) == head.task
    is_described = described.get("num_classes") == wanted and (is_own or is_kept)
    if wanted is not None and not is_described:
        described = {}
    counts = [wanted, described.get("num_classes"), stored]
    counts += [_DEFAULT_CLASSES] * is_own
    num_classes = next((count for count in counts if count is not None), None)
    if num_classes is None:
        raise ValueError(
            "`num_classes` or `class_names` must be given: the checkpoint does not "
            f"name classes. Received: path={request.path}, task={head.task}"
        )
    if is_kept:
        _check_order(names, described.get("class_names"), request.path)
    if names is None:
        names = described.get("class_names")
    return HeadChoice(is_kept, {"num_classes": num_classes, "class_names": names})


def log_new_head(folder: Path, kind: type) -> None:
    """Log that the head of a task starts with random weights."""
    _log.warning("%s: the head of %s is new", folder, kind.__name__)


def _has_head(config: dict[str, Any], head: Head, tensors: Tensors) -> bool:
    names = {mapping.tensor for mapping in head.weights}
    if _AMBIGUOUS in names and config.get("architectures"):
        return own_task(config) == head.task and not names.isdisjoint(tensors)
    return not names.isdisjoint(tensors)


def _described_classes(request: LoadRequest) -> dict[str, Any]:
    """Number and names of the classes in `config.json`, in order of `id2label`."""
    if "id2label" not in request.config:
        return {}
    labels = request.config["id2label"]
    numbers = [str(i) for i in range(len(labels))] if isinstance(labels, dict) else []
    if not numbers or set(numbers) != set(labels):
        raise CheckpointError(
            "`id2label` must name the classes 0, 1 and so on. "
            f"Received: path={request.path}, id2label={str(labels)[:200]}"
        )
    names = [str(labels[number]) for number in numbers]
    if all(_GENERIC_LABEL.fullmatch(name) for name in names):
        return {"num_classes": len(names)}
    return {"num_classes": len(names), "class_names": names}


def _refuse_classes(request: LoadRequest, head: Head) -> None:
    for name in ("num_classes", "class_names"):
        if request.overrides.get(name) is not None:
            raise ValueError(
                f'`{name}` is for `task="text_classifier"` and '
                f'`task="token_classifier"`. Received: {name}='
                f"{request.overrides[name]!r}, task={head.task}, path={request.path}"
            )


def _check_order(names: Any, own_names: list[str] | None, path: Path) -> None:
    """Refuse the names of a kept head in another order than that of its rows."""
    if names is None or own_names is None or list(names) == own_names:
        return
    if sorted(map(str, names)) == sorted(own_names):
        raise ValueError(
            "`class_names` must be in the order of the checkpoint, whose head is "
            f"kept: {own_names}. Received: path={path}, class_names={list(names)}"
        )
