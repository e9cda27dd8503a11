"""Makes a Longformer of a Hugging Face checkpoint."""

import contextlib
import inspect
import logging
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.encoder_source import assign_all
from longkeras.conversion.longformer_config import (
    backbone_arguments,
    head_arguments,
    is_longformer,
)
from longkeras.conversion.longformer_table import (
    HEADS,
    Head,
    backbone_places,
    head_places,
    in_task,
)
from longkeras.conversion.longformer_tensors import (
    Tensors,
    check_layers,
    check_names,
    check_tables,
    with_settled_output,
    without_position_ids,
    without_prefix,
)
from longkeras.conversion.model_folder import CONFIG_FILE, TOKENIZER_SOURCES
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.strict_json import read_object
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.models.first_weights import weights_to_be_loaded
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm import LongformerMaskedLM
from longkeras.models.longformer.tokenizer import LongformerTokenizer

_log = logging.getLogger(__name__)


def read_longformer(request: ModelRequest) -> Any:
    """The model that a folder holds; see `longkeras.conversion.from_huggingface`.

    Args:
        request: `ModelRequest`.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole, or not a Longformer.
    """
    folder, config, path = request.folder, request.config, request.path
    load_weights = request.load_weights
    tensors = without_prefix(read_tensors(folder), folder) if load_weights else {}
    if not is_longformer(config, list(tensors)):
        raise CheckpointError(
            "The checkpoint is RoBERTa's, not a Longformer: it has neither "
            "attention_window nor projections of global tokens. "
            f"`convert_to_long` makes a Longformer of it. Received: path={path}"
        )
    head = _head(request.task, config, path)
    is_task = head.name != "backbone"
    tensors, is_untied = with_settled_output(without_position_ids(tensors), config)
    is_untied = is_untied and head.kind is LongformerMaskedLM
    use_pooler = any(name.startswith("pooler.") for name in tensors)
    of_backbone, of_task = request.split_overrides(
        LongformerBackbone, head.kind if is_task else None
    )
    arguments = {
        **backbone_arguments(config, path),
        "use_pooler": use_pooler,
        "tie_embedding_weights": not is_untied,
        **of_backbone,
    }
    if load_weights:
        check_layers(tensors, arguments["num_layers"], folder)
    places = backbone_places(
        arguments["num_layers"], arguments["use_pooler"], arguments["activation"]
    )
    of_head = head_places(head, is_untied)
    loads_head = "num_classes" not in request.overrides
    loads_head = loads_head and _has_head(tensors, head, config)
    if is_task:
        places = [in_task(place) for place in places] + of_head * loads_head
    if load_weights:
        check_names(tensors, places, folder)
        check_tables(tensors, arguments)
    model = _backbone(arguments, path, load_weights)
    if is_task:
        model = _task(model, head, config, tensors, folder, of_task)
    if load_weights:
        assign_all(model, places, tensors)
        if of_head and not loads_head:
            _log.warning("%s: the head of %s is new", folder, head.kind.__name__)
    return model


def read_longformer_tokenizer(
    folder: Path, kind: type = LongformerTokenizer, **arguments: Any
) -> Any:
    """The tokenizer of a folder.

    Args:
        folder: path.
        kind: class of the tokenizer. Defaults to `LongformerTokenizer`.
        **arguments: of that class.

    Returns:
        The tokenizer.

    Raises:
        CheckpointError: If there is none that can be read.
    """
    try:
        return kind.from_huggingface_folder(folder, **arguments)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The tokenizer cannot be read: {error}. Received: path={folder}"
        ) from error


def read_longformer_preprocessor(folder: Path, kind: type, **arguments: Any) -> Any:
    """A preprocessor for the model of a folder.

    Args:
        folder: path.
        kind: class of the preprocessor.
        **arguments: of that class.

    Returns:
        The preprocessor.

    Raises:
        CheckpointError: If configuration or tokenizer cannot be read.
    """
    path = folder / CONFIG_FILE
    length = backbone_arguments(read_object(path), path)["max_sequence_length"]
    if "tokenizer" not in arguments:
        tokenizer = read_longformer_tokenizer(folder, kind.tokenizer_cls)
        arguments["tokenizer"] = tokenizer
    return kind(**{"max_sequence_length": length, **arguments})


def _head(task: type | str | None, config: dict[str, Any], path: Path) -> Head:
    architectures = config.get("architectures")
    if task is not None:
        found = next((x for x in HEADS if task in (x.name, x.kind)), None)
    elif not architectures:
        found = HEADS[0]
    else:
        found = next((x for x in HEADS if _is_of(x, architectures)), None)
    if found is None:
        names = ", ".join(head.name for head in HEADS)
        raise CheckpointError(
            f"`task` must be one of {names}, or one of their classes, where "
            f"config.json names no architecture that is known here. "
            f"Received: path={path}, architectures={architectures}, task={task}"
        )
    return found


def _is_of(head: Head, architectures: Any) -> bool:
    of_roberta = head.architecture.replace("Longformer", "Roberta")
    return architectures in ([head.architecture], [of_roberta])


def _has_head(tensors: Tensors, head: Head, config: dict[str, Any]) -> bool:
    # Its `classifier` gives one number a choice, and is no classifier of tokens.
    if config.get("architectures") == ["LongformerForMultipleChoice"]:
        return False
    return any(place.tensor in tensors for place in head.places)


def _backbone(arguments: dict[str, Any], path: Path, load_weights: bool) -> Any:
    later = weights_to_be_loaded() if load_weights else contextlib.nullcontext()
    try:
        with later:
            return LongformerBackbone(**arguments)
    except ValueError as error:
        raise CheckpointError(
            f"No model can be made of the configuration: {error}. Received: path={path}"
        ) from error


def _task(
    backbone: Any,
    head: Head,
    config: dict[str, Any],
    tensors: Tensors,
    folder: Path,
    overrides: dict[str, Any],
) -> Any:
    known = head_arguments(config, folder / CONFIG_FILE)
    if head.output in tensors and "num_classes" not in overrides:
        known.setdefault("num_classes", tensors[head.output].shape[0])
    if _is_of(head, config.get("architectures")):
        known.setdefault("num_classes", 2)  # what Hugging Face does not write down
    if "num_classes" in overrides:
        known.pop("class_names", None)
    wanted = inspect.signature(head.kind).parameters
    arguments = {name: value for name, value in known.items() if name in wanted}
    if head.output and "num_classes" not in {**arguments, **overrides}:
        raise ValueError(
            "`num_classes` must be given: the checkpoint does not name classes. "
            f"Received: path={folder}, task={head.name}"
        )
    if "preprocessor" not in overrides and _has_tokenizer(folder):
        arguments["preprocessor"] = read_longformer_preprocessor(
            folder, head.kind.preprocessor_cls
        )
    return head.kind(backbone=backbone, **{**arguments, **overrides})


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_SOURCES)
