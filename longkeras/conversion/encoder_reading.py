"""Hugging Face's BERT, RoBERTa and XLM-R as KerasHub's models, number for number."""

import logging
from typing import Any

import keras
import keras_hub
import numpy as np

from longkeras import models
from longkeras.conversion.encoder_folder import (
    EncoderFolder,
    check_encoder_tensors,
    head_of,
    read_encoder_config,
    settled_tensors,
)
from longkeras.conversion.encoder_names import POOLER, without_pooler
from longkeras.conversion.encoder_places import (
    SEGMENT_EMBEDDINGS,
    encoder_head_places,
    encoder_places,
)
from longkeras.conversion.encoder_source import assign_all, changed
from longkeras.conversion.encoder_tokenizers import keras_hub_tokenizer
from longkeras.conversion.longformer_config import head_arguments, is_longformer
from longkeras.conversion.longformer_reading import read_longformer
from longkeras.conversion.longformer_table import HEADS, POSITION_EMBEDDINGS, Head
from longkeras.conversion.longformer_tensors import Tensors
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.conversion.weight_places import WeightPlace

_log = logging.getLogger(__name__)

_KINDS: dict[str, dict[str, Any]] = {
    "bert": {
        "backbone": models.ExactBertBackbone,
        "masked_lm": models.ExactBertMaskedLM,
        "text_classifier": models.ExactBertTextClassifier,
    },
    "roberta": {
        "backbone": keras_hub.models.RobertaBackbone,
        "masked_lm": keras_hub.models.RobertaMaskedLM,
        "text_classifier": keras_hub.models.RobertaTextClassifier,
    },
    "xlm-roberta": {
        "backbone": keras_hub.models.XLMRobertaBackbone,
        "masked_lm": keras_hub.models.XLMRobertaMaskedLM,
        "text_classifier": keras_hub.models.XLMRobertaTextClassifier,
    },
}
_ROBERTA_EPSILON = 1e-5


def read_roberta(request: ModelRequest) -> Any:
    """RoBERTa, or a Longformer that says that it is one; see `read_encoder`.

    Args:
        request: `ModelRequest`.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole.
        ValueError: If KerasHub's class cannot hold it.
    """
    names = list(read_tensors(request.folder)) if request.load_weights else []
    is_long = is_longformer(request.config, names)
    is_long = is_long or request.task in [head.kind for head in HEADS]
    return read_longformer(request) if is_long else read_encoder(request)


def read_encoder(request: ModelRequest) -> Any:
    """The KerasHub model of a folder; see `longkeras.conversion.from_huggingface`.

    RoBERTa's one token type, which KerasHub does not have, is added to its positions.

    Args:
        request: `ModelRequest`.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole, or of another kind.
        ValueError: If KerasHub has no class that holds all of it.
    """
    known = read_encoder_config(request.folder, request.config)
    kinds = _KINDS[request.config["model_type"]]
    head = head_of(known, _task_name(request.task, kinds, known))
    if head.name not in kinds:
        raise _not_in_keras_hub(known, f"it has no {head.name}", task=head.name)
    kind = kinds[head.name] if head.name != "backbone" else None
    of_backbone, of_task = request.split_overrides(kinds["backbone"], kind)
    overrides = request.overrides
    arguments = {**_backbone_arguments(known, overrides), **of_backbone}
    tensors: Tensors = {}
    places: list[WeightPlace] = []
    if request.load_weights:
        tensors, places = _tensors(known, head, "num_classes" not in overrides)
    model = kinds["backbone"](**arguments)
    if kind is not None:
        of_task = {**_task_arguments(known, head, tensors, of_task), **of_task}
        model = kind(backbone=model, **of_task)
    assign_all(model, places, tensors)
    return model


def _task_name(
    task: type | str | None, kinds: dict[str, Any], known: EncoderFolder
) -> str | None:
    if not isinstance(task, type):
        return task
    names = [name for name, kind in kinds.items() if issubclass(kind, task)]
    if not names:
        raise _not_in_keras_hub(known, "it is of another kind", task=task.__name__)
    return names[0]


def _backbone_arguments(
    known: EncoderFolder, overrides: dict[str, Any]
) -> dict[str, Any]:
    arguments = dict(known.arguments)
    del arguments["padding_id"]
    rate = arguments.pop("attention_dropout")
    if rate != arguments["dropout"] and "dropout" not in overrides:
        raise _not_in_keras_hub(
            known,
            "it has one `dropout` for everything, which may be given",
            hidden_dropout_prob=arguments["dropout"],
            attention_probs_dropout_prob=rate,
        )
    if isinstance(arguments["activation"], str):
        raise _not_in_keras_hub(
            known,
            "its activations have no weights",
            hidden_act=known.config["hidden_act"],
        )
    if known.is_bert:
        return arguments
    activation = arguments.pop("activation")
    epsilon = arguments.pop("layer_norm_epsilon")
    if activation is not keras.activations.gelu or epsilon != _ROBERTA_EPSILON:
        raise _not_in_keras_hub(
            known,
            f"it has gelu and an epsilon of {_ROBERTA_EPSILON}",
            hidden_act=known.config.get("hidden_act", "gelu"),
            layer_norm_eps=epsilon,
        )
    del arguments["num_segments"]
    return arguments


def _tensors(
    known: EncoderFolder, head: Head, wants_head: bool
) -> tuple[Tensors, list[WeightPlace]]:
    """The tensors of a folder as KerasHub's model has them, and their places."""
    tensors, is_untied = settled_tensors(known, head, read_tensors(known.folder))
    if is_untied:
        raise _not_in_keras_hub(
            known, "its output is the token embedding", tie_word_embeddings=False
        )
    of_head = encoder_head_places(known.is_bert, head)
    has_head = any(place.tensor in tensors for place in of_head)
    places = encoder_places(known.is_bert, known.arguments["num_layers"], head)
    if not (has_head and wants_head) and of_head:
        places = [place for place in places if place not in of_head]
        _log.warning("%s: the head of the %s is new", known.folder, head.name)
    if not known.is_bert:
        tensors = without_pooler(tensors)
    elif f"{POOLER}.weight" not in tensors:
        places = [x for x in places if not x.tensor.startswith(f"{POOLER}.")]
        _log.warning("%s: the pooler is new", known.folder)
    of_segments = WeightPlace(SEGMENT_EMBEDDINGS, "", "")
    in_file = places if known.is_bert else [*places, of_segments]
    check_encoder_tensors(known, tensors, in_file)
    if known.is_bert:
        return tensors, places
    return _without_segments(tensors, known), places


def _without_segments(tensors: Tensors, known: EncoderFolder) -> Tensors:
    """RoBERTa's tensors with its one token type in the position table."""
    segments = np.array(tensors[SEGMENT_EMBEDDINGS].read(), "float32")
    if (segments != segments[:1]).any():
        raise _not_in_keras_hub(
            known, "it has no token types", type_vocab_size=len(segments)
        )
    table = tensors[POSITION_EMBEDDINGS]
    first = known.arguments["padding_id"] + 1
    return {
        **tensors,
        POSITION_EMBEDDINGS: changed(
            table,
            (table.shape[0] - first, table.shape[1]),
            lambda rows: rows[first:] + segments[:1],
        ),
    }


def _task_arguments(
    known: EncoderFolder, head: Head, tensors: Tensors, overrides: dict[str, Any]
) -> dict[str, Any]:
    config = head_arguments(known.config, known.path)
    arguments = {}
    if head.name == "text_classifier":
        arguments["dropout"] = config["dropout"]
        of_output = encoder_head_places(known.is_bert, head)[-1].tensor
        if of_output in tensors:
            arguments["num_classes"] = tensors[of_output].shape[0]
        elif "num_classes" in config:
            arguments["num_classes"] = config["num_classes"]
        elif "num_classes" not in overrides:
            raise ValueError(
                "`num_classes` must be given: the checkpoint does not name classes. "
                f"Received: path={known.path}, task={head.name}"
            )
    if "preprocessor" not in overrides and known.has_tokenizer:
        arguments["preprocessor"] = _preprocessor(known, head)
    return arguments


def _preprocessor(known: EncoderFolder, head: Head) -> Any:
    model_type = known.config["model_type"]
    tokenizer = keras_hub_tokenizer(known.folder, model_type)
    if tokenizer is None:
        _log.warning("%s: KerasHub cannot read the tokenizer", known.folder)
        return None
    return _KINDS[model_type][head.name].preprocessor_cls(
        tokenizer, sequence_length=known.arguments["max_sequence_length"]
    )


def _not_in_keras_hub(known: EncoderFolder, reason: str, **received: Any) -> ValueError:
    kind = _KINDS[known.config["model_type"]]["backbone"].__name__
    said = ", ".join(f"{name}={value!r}" for name, value in received.items())
    return ValueError(
        f"KerasHub's family of {kind} cannot hold what is wanted: {reason}. A "
        "Longformer can: `longkeras.conversion.convert_to_long` makes it of the same "
        f"folder. Received: path={known.path}, {said}"
    )
