"""Hugging Face folders of BERT, RoBERTa and XLM-R."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.encoder_names import (
    POOLER,
    with_pooler_as_head,
    without_pooler,
)
from longkeras.conversion.encoder_places import encoder_head_places
from longkeras.conversion.encoder_source import EncoderSource, changed
from longkeras.conversion.head_choice import (
    HeadChoice,
    choose_head,
    log_new_head,
    wanted_head,
)
from longkeras.conversion.longformer_config import (
    backbone_arguments,
    head_arguments,
    is_longformer,
)
from longkeras.conversion.longformer_reading import read_longformer_tokenizer
from longkeras.conversion.longformer_table import (
    POSITION_EMBEDDINGS,
    Head,
    backbone_places,
    head_places,
)
from longkeras.conversion.longformer_tensors import (
    check_layers,
    check_names,
    check_tables,
    with_settled_output,
)
from longkeras.conversion.model_folder import CONFIG_FILE, has_tokenizer
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.conversion.tensor_names import (
    HEAD_ACTIVATION,
    Tensors,
    canonical_tensors,
)
from longkeras.conversion.weight_places import WeightPlace
from longkeras.models import LongformerBackbone

MODEL_TYPES = ("bert", "roberta", "xlm-roberta")


@dataclass(frozen=True)
class EncoderFolder:
    """What a folder's `config.json` says.

    Attributes:
        folder: path.
        config: dict.
        arguments: dict. Of `LongformerBackbone`, without its window.
    """

    folder: Path
    config: dict[str, Any]
    arguments: dict[str, Any]

    @property
    def path(self) -> Path:
        """Of `config.json`."""
        return self.folder / CONFIG_FILE

    @property
    def is_bert(self) -> bool:
        """Whether positions count padding too, and begin with the table's first."""
        return self.config["model_type"] == "bert"


def read_encoder_config(folder: Path, config: dict[str, Any]) -> EncoderFolder:
    """Reads the sizes of an encoder.

    Args:
        folder: path.
        config: dict. Of its `config.json`.

    Returns:
        `EncoderFolder`.

    Raises:
        CheckpointError: If the model is another, or a value is missing or impossible.
    """
    path = folder / CONFIG_FILE
    if config.get("model_type") not in MODEL_TYPES:
        raise CheckpointError(
            f"`model_type` must be one of {', '.join(MODEL_TYPES)}. "
            f"Received: path={path}, model_type={config.get('model_type')!r}"
        )
    kind = config.get("position_embedding_type") or "absolute"
    if kind != "absolute" or config.get("is_decoder"):
        raise CheckpointError(
            "Only encoders with a table of positions are known here. Received: "
            f"path={path}, position_embedding_type={kind!r}, "
            f"is_decoder={config.get('is_decoder', False)}"
        )
    is_bert = config["model_type"] == "bert"
    # Longformer's defaults are RoBERTa's; BERT's padding is another.
    defaults = {"pad_token_id": 0} if is_bert else {}
    arguments = backbone_arguments({**defaults, **config}, path)
    del arguments["attention_window"]
    if is_bert:
        arguments["max_sequence_length"] += arguments["padding_id"] + 1
    return EncoderFolder(folder, config, arguments)


def read_encoder_source(request: ModelRequest) -> EncoderSource:
    """Reads an encoder, to make a Longformer of it.

    Args:
        request: `ModelRequest`. Its task is one of ours, and its overrides are
            arguments of the Longformer.

    Returns:
        `EncoderSource`.

    Raises:
        CheckpointError: If the checkpoint is not whole, or of another kind.
        ValueError: If it is a Longformer already, or a new head needs
            `num_classes`.
    """
    all_tensors = read_tensors(request.folder) if request.load_weights else {}
    if is_longformer(request.config, list(all_tensors)):
        raise ValueError(
            "The model is a Longformer already: load it with `from_huggingface`, and "
            "make it longer with its `extend_positions`. Received: "
            f"path={request.path}"
        )
    known = read_encoder_config(request.folder, request.config)
    head = wanted_head(request.task, known.config, known.path)
    is_task = head.name != "backbone"
    of_backbone, of_task = request.split_overrides(
        LongformerBackbone, head.kind if is_task else None
    )
    tensors, is_untied = settled_tensors(known, head, all_tensors)
    choice = choose_head(
        request, head, tensors, encoder_head_places(known.is_bert, head)
    )
    is_untied = is_untied and choice.is_kept
    tensors = _with_pooler_placed(tensors, known, head)
    arguments = {
        **known.arguments,
        "use_pooler": f"{POOLER}.weight" in tensors,
        "tie_embedding_weights": not is_untied,
        **of_backbone,
    }
    of_head = _head_places(head, choice, is_untied, tensors)
    if request.load_weights:
        places = backbone_places(
            arguments["num_layers"], arguments["use_pooler"], arguments["activation"]
        )
        local = [place for place in places if "_global." not in place.tensor]
        check_encoder_tensors(known, tensors, [*local, *of_head])
        tensors = _with_first_rows(tensors, known)
        if head.places and not choice.is_kept:
            log_new_head(known.folder, head.kind)
    tokenizer = None
    if has_tokenizer(known.folder):
        tokenizer = read_longformer_tokenizer(known.folder)
    task_arguments = {
        **_task_arguments(
            known, head, tokenizer, not choice.is_kept, "separator_id" in of_task
        ),
        **of_task,
        **choice.arguments,
    }
    return EncoderSource(arguments, tensors, head, of_head, task_arguments, tokenizer)


def settled_tensors(
    known: EncoderFolder, head: Head, tensors: Tensors
) -> tuple[Tensors, bool]:
    """The tensors by Longformer's names, without copies and what no model reads.

    Args:
        known: `EncoderFolder`.
        head: `Head`.
        tensors: dict of `NamedTensor` by name, as the files have them.

    Returns:
        (tensors, is_untied): whether the output of a masked language model has
        weights of its own.
    """
    tensors = canonical_tensors(tensors, known.folder)
    if tensors:
        check_layers(tensors, known.arguments["num_layers"], known.folder)
    tensors = _without_head_activation(tensors, known, head)
    tensors, is_untied = with_settled_output(tensors, known.config)
    return tensors, is_untied and head.name == "masked_lm"


def _with_pooler_placed(tensors: Tensors, known: EncoderFolder, head: Head) -> Tensors:
    """The pooler where the task reads it: as the head's first layer, or nowhere."""
    if head.name == "text_classifier" and known.is_bert:
        return with_pooler_as_head(tensors)
    return tensors if head.name == "backbone" else without_pooler(tensors)


def _head_places(
    head: Head, choice: HeadChoice, is_untied: bool, tensors: Tensors
) -> list[WeightPlace]:
    """Return the tensors of a head to load; of a new head, those of BERT's pooler."""
    places = head_places(head, is_untied)
    if choice.is_kept or head.name != "text_classifier":
        return places * choice.is_kept
    return [place for place in places if _is_pooler(tensors.get(place.tensor))]


def _is_pooler(tensor: NamedTensor | None) -> bool:
    return tensor is not None and f"{POOLER}." in tensor.name


def _without_head_activation(
    tensors: Tensors, known: EncoderFolder, head: Head
) -> Tensors:
    """Without weights in the activation of BERT's masked language model."""
    left = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(HEAD_ACTIVATION)
    }
    if head.name == "masked_lm" and len(left) < len(tensors):
        raise CheckpointError(
            "The head of the masked language model has an activation with weights, "
            'which none has here: read it with `task="backbone"`. Received: '
            f"path={known.path}, hidden_act={known.config.get('hidden_act')!r}"
        )
    return left


def check_encoder_tensors(
    known: EncoderFolder, tensors: Tensors, places: list[WeightPlace]
) -> None:
    """Every tensor is there, none is unknown, and the large ones have their sizes.

    Args:
        known: `EncoderFolder`.
        tensors: dict of `NamedTensor` by Longformer's names.
        places: list of `WeightPlace`, all that the model has.

    Raises:
        CheckpointError: If it is not so.
    """
    check_names(tensors, places, known.folder)
    # A table of BERT's has no rows before the first.
    before = {"padding_id": -1} if known.is_bert else {}
    check_tables(tensors, {**known.arguments, **before})


def _task_arguments(
    known: EncoderFolder, head: Head, tokenizer: Any, is_new: bool, has_separator: bool
) -> dict[str, Any]:
    config = head_arguments(known.config, known.path)
    if head.name == "masked_lm":
        # BERT's head has the activation of the layers, RoBERTa's and Longformer's,
        # and so a new one, GELU.
        has_gelu = is_new or not known.is_bert
        return {
            "head_activation": "gelu" if has_gelu else known.arguments["activation"]
        }
    if head.name == "question_answerer" and not has_separator:
        return {"separator_id": _separator_id(known, config, tokenizer)}
    return {"dropout": config["dropout"]} if head.has_classes else {}


def _separator_id(known: EncoderFolder, config: dict[str, Any], tokenizer: Any) -> int:
    if tokenizer is not None:
        return tokenizer.separator_token_id
    if known.is_bert and known.config.get("sep_token_id") is None:
        raise CheckpointError(
            "The checkpoint must have a tokenizer or a sep_token_id, to know where a "
            f"question ends. Received: path={known.path}"
        )
    return config["separator_id"]


def _with_first_rows(tensors: Tensors, known: EncoderFolder) -> Tensors:
    """The position table as Longformer counts, padding before the first token."""
    if not known.is_bert:
        return tensors
    return with_rows_before(tensors, known.arguments["padding_id"] + 1)


def with_rows_before(tensors: Tensors, count: int) -> Tensors:
    """A position table with empty rows before its first: padding stands there.

    Args:
        tensors: dict of `NamedTensor` by name.
        count: int.

    Returns:
        dict of `NamedTensor` by name.
    """
    table = tensors[POSITION_EMBEDDINGS]
    length, hidden_dim = table.shape
    longer = changed(
        table,
        (count + length, hidden_dim),
        lambda rows: np.pad(rows, ((count, 0), (0, 0))),
    )
    return {**tensors, POSITION_EMBEDDINGS: longer}
