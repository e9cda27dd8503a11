"""Makes a Longformer of a Hugging Face checkpoint."""

import contextlib
import inspect
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.encoder_names import POOLER, without_pooler
from longkeras.conversion.encoder_source import (
    assign_all,
    check_longer,
    with_longer_table,
)
from longkeras.conversion.head_choice import (
    HeadChoice,
    choose_head,
    log_new_head,
    wanted_head,
)
from longkeras.conversion.longformer_config import backbone_arguments, head_arguments
from longkeras.conversion.longformer_table import (
    Head,
    backbone_places,
    head_places,
    places_of,
    task_places,
)
from longkeras.conversion.longformer_tensors import (
    check_layers,
    check_names,
    check_tables,
    with_settled_output,
)
from longkeras.conversion.model_folder import has_tokenizer
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.conversion.tensor_names import Tensors, canonical_tensors
from longkeras.models.base.initializers import weights_to_be_loaded
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm import LongformerMaskedLM
from longkeras.models.longformer.tokenizer import LongformerTokenizer


def read_longformer(request: ModelRequest) -> Any:
    """The model that a folder holds; see `longkeras.conversion.from_huggingface`.

    Args:
        request: `ModelRequest`. Its checkpoint is a Longformer.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole.
        ValueError: If a new head needs `num_classes`, or the length that is wanted is
            less than the checkpoint's.
    """
    folder, config, path = request.folder, request.config, request.path
    head = wanted_head(request.task, config, path)
    kind = head.kind if head.name != "backbone" else None
    tensors: Tensors = {}
    if request.load_weights:
        tensors = canonical_tensors(read_tensors(folder), folder)
    tensors, is_untied = with_settled_output(tensors, config)
    choice = choose_head(request, head, tensors, list(head.places))
    is_untied = is_untied and head.kind is LongformerMaskedLM and choice.is_kept
    of_backbone, of_task = request.split_overrides(LongformerBackbone, kind)
    of_file = {
        **backbone_arguments(config, path),
        # No task reads a pooler, and the task classes of `transformers` have none.
        "use_pooler": kind is None and f"{POOLER}.weight" in tensors,
        "tie_embedding_weights": not is_untied,
    }
    arguments = {**of_file, **of_backbone}
    own_length = of_file["max_sequence_length"]
    if "max_sequence_length" in of_backbone:
        check_longer(of_backbone["max_sequence_length"], own_length)
    if kind is not None:
        tensors = without_pooler(tensors)
    of_head = head_places(head, is_untied) * choice.is_kept
    if request.load_weights:
        # First, so that no number in a configuration makes a list of any size.
        check_layers(tensors, arguments["num_layers"], folder)
        places = backbone_places(
            arguments["num_layers"], arguments["use_pooler"], arguments["activation"]
        )
        check_names(tensors, [*places, *of_head], folder)
        check_tables(tensors, {**arguments, "max_sequence_length": own_length})
    model = backbone = _backbone(arguments, path, request.load_weights)
    places = places_of(backbone)
    if kind is not None:
        model = _task(backbone, request, head, choice, of_task)
        places = [*task_places(backbone), *of_head]
    if request.load_weights:
        assign_all(model, places, with_longer_table(tensors, backbone))
        if head.places and not choice.is_kept:
            log_new_head(folder, head.kind)
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


def read_longformer_preprocessor(
    folder: Path, kind: type, max_sequence_length: int, **arguments: Any
) -> Any:
    """A preprocessor for the model of a folder.

    Args:
        folder: path.
        kind: class of the preprocessor.
        max_sequence_length: int. The longest text that the model reads.
        **arguments: of that class.

    Returns:
        The preprocessor.

    Raises:
        CheckpointError: If the tokenizer cannot be read.
    """
    if "tokenizer" not in arguments:
        tokenizer = read_longformer_tokenizer(folder, kind.tokenizer_cls)
        arguments["tokenizer"] = tokenizer
    return kind(max_sequence_length=max_sequence_length, **arguments)


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
    request: ModelRequest,
    head: Head,
    choice: HeadChoice,
    overrides: dict[str, Any],
) -> Any:
    known = head_arguments(request.config, request.path)
    wanted = inspect.signature(head.kind).parameters
    arguments = {name: value for name, value in known.items() if name in wanted}
    if "preprocessor" not in overrides and has_tokenizer(request.folder):
        arguments["preprocessor"] = read_longformer_preprocessor(
            request.folder, head.kind.preprocessor_cls, backbone.max_sequence_length
        )
    arguments = {**arguments, **overrides, **choice.arguments}
    return head.kind(backbone=backbone, **arguments)
