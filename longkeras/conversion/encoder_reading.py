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
from longkeras.conversion.head_choice import (
    HeadChoice,
    choose_head,
    log_new_head,
    wanted_head,
)
from longkeras.conversion.longformer_config import head_arguments
from longkeras.conversion.longformer_table import POSITION_EMBEDDINGS, Head
from longkeras.conversion.model_folder import has_tokenizer
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.conversion.tensor_names import Tensors
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
    task = _task_name(request.task, kinds, known)
    head = wanted_head(task, known.config, known.path)
    if head.name not in kinds:
        raise _not_in_keras_hub(known, f"it has no {head.name}", task=head.name)
    kind = kinds[head.name] if head.name != "backbone" else None
    of_backbone, of_task = request.split_overrides(kinds["backbone"], kind)
    arguments = {**_backbone_arguments(known, request.overrides), **of_backbone}
    tensors: Tensors = {}
    if request.load_weights:
        tensors = _settled_tensors(known, head)
    of_head = encoder_head_places(known.is_bert, head)
    choice = choose_head(request, head, tensors, of_head)
    places: list[WeightPlace] = []
    if request.load_weights:
        tensors, places = _placed_tensors(known, head, tensors, choice.is_kept)
        if of_head and not choice.is_kept:
            log_new_head(known.folder, kinds[head.name])
    model = kinds["backbone"](**arguments)
    if kind is not None:
        of_task = {**_task_arguments(known, head, choice, of_task), **of_task}
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


def _settled_tensors(known: EncoderFolder, head: Head) -> Tensors:
    tensors, is_untied = settled_tensors(known, head, read_tensors(known.folder))
    if is_untied:
        raise _not_in_keras_hub(
            known, "its output is the token embedding", tie_word_embeddings=False
        )
    return tensors


def _placed_tensors(
    known: EncoderFolder, head: Head, tensors: Tensors, is_kept: bool
) -> tuple[Tensors, list[WeightPlace]]:
    """The tensors of a folder as KerasHub's model has them, and their places."""
    places = encoder_places(known.is_bert, known.arguments["num_layers"], head)
    if not is_kept:
        of_head = encoder_head_places(known.is_bert, head)
        places = [place for place in places if place not in of_head]
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
    known: EncoderFolder, head: Head, choice: HeadChoice, overrides: dict[str, Any]
) -> dict[str, Any]:
    arguments = {}
    if head.name == "text_classifier":
        # KerasHub's classes keep no names.
        arguments["num_classes"] = choice.arguments["num_classes"]
        arguments["dropout"] = head_arguments(known.config, known.path)["dropout"]
    if "preprocessor" not in overrides and has_tokenizer(known.folder):
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
