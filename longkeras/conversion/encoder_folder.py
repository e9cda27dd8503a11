"""Hugging Face folders of BERT, RoBERTa and XLM-R."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.encoder_names import (
    HEAD_ACTIVATION,
    POOLER,
    longformer_names,
    with_pooler_as_head,
    without_pooler,
)
from longkeras.conversion.encoder_source import EncoderSource, changed
from longkeras.conversion.longformer_config import (
    backbone_arguments,
    head_arguments,
    is_longformer,
)
from longkeras.conversion.longformer_reading import read_longformer_tokenizer
from longkeras.conversion.longformer_table import (
    HEADS,
    POSITION_EMBEDDINGS,
    Head,
    backbone_places,
    head_places,
)
from longkeras.conversion.longformer_tensors import (
    Tensors,
    check_names,
    check_tables,
    with_settled_output,
    without_position_ids,
)
from longkeras.conversion.model_folder import CONFIG_FILE, TOKENIZER_SOURCES
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.conversion.weight_places import WeightPlace

MODEL_TYPES = ("bert", "roberta", "xlm-roberta")
_TASKS = {
    "Model": "backbone",
    "ForMaskedLM": "masked_lm",
    "ForPreTraining": "masked_lm",
    "ForSequenceClassification": "text_classifier",
    "ForQuestionAnswering": "question_answerer",
    "ForTokenClassification": "token_classifier",
}


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

    @property
    def own_task(self) -> str | None:
        """The task of ours that the checkpoint says it is, or None."""
        architectures = self.config.get("architectures") or ["Model"]
        endings = [end for end in _TASKS if str(architectures[0]).endswith(end)]
        return _TASKS[endings[0]] if endings else None

    @property
    def has_tokenizer(self) -> bool:
        """Whether the folder holds a tokenizer of some kind."""
        return any((self.folder / name).is_file() for name in TOKENIZER_SOURCES)


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


def read_encoder_source(
    folder: Path, config: dict[str, Any], task: str | None
) -> EncoderSource:
    """Reads an encoder, to make a Longformer of it.

    Args:
        folder: path.
        config: dict. Of its `config.json`.
        task: str, the name of one of our tasks or `"backbone"`, or None for what the
            checkpoint says it is.

    Returns:
        `EncoderSource`.

    Raises:
        CheckpointError: If the checkpoint is not whole, of another kind, or has not
            the head of the task.
        ValueError: If it is a Longformer already.
    """
    known = read_encoder_config(folder, config)
    all_tensors = read_tensors(folder)
    if is_longformer(config, list(all_tensors)):
        raise ValueError(
            "The model is a Longformer already: load it with `from_huggingface`, and "
            f"make it longer with its `extend_positions`. Received: path={known.path}"
        )
    head = head_of(known, task)
    tensors, is_untied = settled_tensors(known, head, all_tensors)
    if head.name == "text_classifier" and known.is_bert:
        tensors = with_pooler_as_head(tensors)
    elif head.name != "backbone":
        tensors = without_pooler(tensors)
    arguments = {
        **known.arguments,
        "use_pooler": f"{POOLER}.weight" in tensors,
        "tie_embedding_weights": not is_untied,
    }
    places = [
        *backbone_places(
            arguments["num_layers"], arguments["use_pooler"], arguments["activation"]
        ),
        *head_places(head, is_untied),
    ]
    local = [place for place in places if "_global." not in place.tensor]
    check_encoder_tensors(known, tensors, local)
    tokenizer = read_longformer_tokenizer(folder) if known.has_tokenizer else None
    return EncoderSource(
        arguments,
        _with_first_rows(tensors, known),
        head,
        _task_arguments(known, head, tensors, tokenizer),
        tokenizer,
    )


def head_of(known: EncoderFolder, task: str | None) -> Head:
    """The task that is wanted, or that the checkpoint says it is.

    Args:
        known: `EncoderFolder`.
        task: str, or None.

    Returns:
        `Head`.

    Raises:
        CheckpointError: If there is none such.
    """
    wanted = known.own_task if task is None else task
    found = next((head for head in HEADS if head.name == wanted), None)
    if found is None:
        names = ", ".join(head.name for head in HEADS)
        raise CheckpointError(
            f"`task` must be one of {names}, where config.json names no architecture "
            f"that is known here. Received: path={known.path}, "
            f"architectures={known.config.get('architectures')}, task={task}"
        )
    return found


def settled_tensors(
    known: EncoderFolder, head: Head, tensors: Tensors
) -> tuple[Tensors, bool]:
    """The tensors by Longformer's names, without copies and what no model reads.

    A `classifier` is left out where it is that of another task than the one wanted:
    those of texts, of tokens and of choices have the same names.

    Args:
        known: `EncoderFolder`.
        head: `Head`.
        tensors: dict of `NamedTensor` by name, as the files have them.

    Returns:
        (tensors, is_untied): whether the output of a masked language model has
        weights of its own.
    """
    tensors = without_position_ids(longformer_names(tensors, known.folder))
    if known.own_task != head.name:
        tensors = {
            name: tensor
            for name, tensor in tensors.items()
            if not name.startswith("classifier.")
        }
    tensors = _without_head_activation(tensors, known, head)
    tensors, is_untied = with_settled_output(tensors, known.config)
    return tensors, is_untied and head.name == "masked_lm"


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
    known: EncoderFolder, head: Head, tensors: Tensors, tokenizer: Any
) -> dict[str, Any]:
    config = head_arguments(known.config, known.path)
    if head.name == "masked_lm":
        # RoBERTa's head has its own activation, whatever the layers have.
        activation = known.arguments["activation"] if known.is_bert else "gelu"
        return {"head_activation": activation}
    if head.name == "question_answerer":
        return {"separator_id": _separator_id(known, config, tokenizer)}
    if head.output is None:
        return {}
    config.setdefault("num_classes", tensors[head.output].shape[0])
    names = ("num_classes", "class_names", "dropout")
    return {name: config[name] for name in names if name in config}


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
