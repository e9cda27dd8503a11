"""The task that is read, and whether its head is the checkpoint's or a new one."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.longformer_config import head_arguments
from longkeras.conversion.longformer_table import HEADS, Head
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.tensor_names import Tensors
from longkeras.conversion.weight_places import WeightPlace

_log = logging.getLogger(__name__)

# Tasks by how the names of their classes in `transformers` end.
_ENDINGS = {
    "Model": "backbone",
    "ForMaskedLM": "masked_lm",
    "ForPreTraining": "masked_lm",
    "ForSequenceClassification": "text_classifier",
    "ForQuestionAnswering": "question_answerer",
    "ForTokenClassification": "token_classifier",
}
# The one layer of a classifier of texts (BERT), of tokens, and of choices.
_AMBIGUOUS = "classifier.weight"
# The number of labels that `transformers` does not write down.
_DEFAULT_CLASSES = 2


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
    """The task of ours that a checkpoint says it is.

    Args:
        config: dict. Of `config.json`.

    Returns:
        str; `"backbone"` where no architecture is named, and None where the one that
        is has no counterpart here.
    """
    architectures = config.get("architectures") or ["Model"]
    endings = [end for end in _ENDINGS if str(architectures[0]).endswith(end)]
    return _ENDINGS[endings[0]] if endings else None


def wanted_head(task: type | str | None, config: dict[str, Any], path: Path) -> Head:
    """The row of the table for a task.

    Args:
        task: class, name, or None for what the checkpoint says it is.
        config: dict. Of `config.json`.
        path: path of the file, for messages.

    Returns:
        `Head`.

    Raises:
        CheckpointError: If there is none such.
    """
    wanted = own_task(config) if task is None else task
    found = next((head for head in HEADS if wanted in (head.name, head.kind)), None)
    if found is None:
        names = ", ".join(head.name for head in HEADS)
        raise CheckpointError(
            f"`task` must be one of {names}, or one of their classes, where "
            f"config.json names no architecture that is known here. Received: "
            f"path={path}, architectures={config.get('architectures')}, task={task}"
        )
    return found


def choose_head(
    request: ModelRequest, head: Head, tensors: Tensors, places: list[WeightPlace]
) -> HeadChoice:
    """Decide whether the checkpoint's head is kept.

    It is where the task is the same and has as many classes as are wanted. A number
    of classes is given as `num_classes` or by `class_names`; if neither is, the
    checkpoint says it.

    Args:
        request: `ModelRequest`.
        head: `Head`. The task.
        tensors: dict of `NamedTensor` by canonical name; empty without weights.
        places: list of `WeightPlace`. The head's own; of a classifier, the bias with
            one number a class comes last.

    Returns:
        `HeadChoice`.

    Raises:
        ValueError: If a new classifier's number of classes is not known, if the task
            has no classes and some are given, or if `class_names` are the
            checkpoint's in another order.
    """
    has_head = _has_head(request.config, head, tensors, places)
    if not head.has_classes:
        _refuse_classes(request, head)
        return HeadChoice(has_head, {})
    names = request.overrides.get("class_names")
    wanted = num_classes_in(request.overrides)
    stored = None
    if has_head and places[-1].tensor in tensors:
        stored = next(iter(tensors[places[-1].tensor].shape), None)
    is_kept = has_head and (None in (wanted, stored) or wanted == stored)
    described = head_arguments(request.config, request.path)
    is_own = own_task(request.config) == head.name
    is_described = described.get("num_classes") == wanted and (is_own or is_kept)
    if wanted is not None and not is_described:
        described = {}
    counts = [wanted, described.get("num_classes"), stored]
    counts += [_DEFAULT_CLASSES] * is_own
    num_classes = next((count for count in counts if count is not None), None)
    if num_classes is None:
        raise ValueError(
            "`num_classes` or `class_names` must be given: the checkpoint does not "
            f"name classes. Received: path={request.path}, task={head.name}"
        )
    if is_kept:
        _check_order(names, described.get("class_names"), request.path)
    arguments = {"num_classes": num_classes}
    if names is None:
        names = described.get("class_names")
    return HeadChoice(is_kept, {**arguments, "class_names": names})


def num_classes_in(overrides: dict[str, Any]) -> int | None:
    """The number of classes that is wanted, by itself or by names.

    Args:
        overrides: dict. Of `ModelRequest`.

    Returns:
        int, or None where none is.
    """
    names = overrides.get("class_names")
    wanted = overrides.get("num_classes")
    if wanted is None and isinstance(names, list | tuple):
        return len(names)
    return wanted


def log_new_head(folder: Path, kind: type) -> None:
    """Say that a head starts with random weights.

    Args:
        folder: path. The checkpoint.
        kind: class of the task.
    """
    _log.warning("%s: the head of %s is new", folder, kind.__name__)


def _has_head(
    config: dict[str, Any], head: Head, tensors: Tensors, places: list[WeightPlace]
) -> bool:
    names = {place.tensor for place in places}
    if _AMBIGUOUS in names and config.get("architectures"):
        return own_task(config) == head.name and not names.isdisjoint(tensors)
    return not names.isdisjoint(tensors)


def _refuse_classes(request: ModelRequest, head: Head) -> None:
    for name in ("num_classes", "class_names"):
        if request.overrides.get(name) is not None:
            raise ValueError(
                f'`{name}` is for `task="text_classifier"` and '
                f'`task="token_classifier"`. Received: {name}='
                f"{request.overrides[name]!r}, task={head.name}, path={request.path}"
            )


def _check_order(names: Any, own_names: list[str] | None, path: Path) -> None:
    """The rows of a head that is kept stand in the checkpoint's order."""
    if names is None or own_names is None or list(names) == own_names:
        return
    if sorted(map(str, names)) == sorted(own_names):
        raise ValueError(
            "`class_names` must be in the order of the checkpoint, whose head is "
            f"kept: {own_names}. Received: path={path}, class_names={list(names)}"
        )
