"""Hugging Face's BERT, RoBERTa and XLM-R as KerasHub's models, number for number."""

import inspect
import logging
from pathlib import Path
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


def read_roberta(
    folder: Path,
    config: dict[str, Any],
    task: type | str | None,
    load_weights: bool,
    overrides: dict[str, Any],
) -> Any:
    """RoBERTa, or a Longformer that says that it is one; see `read_encoder`.

    Args:
        folder: path.
        config: dict. Of its `config.json`.
        task: class, name, or None.
        load_weights: bool.
        overrides: dict of arguments of backbone and task.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole.
        ValueError: If KerasHub's class cannot hold it.
    """
    names = list(read_tensors(folder)) if load_weights else []
    is_long = is_longformer(config, names) or task in [head.kind for head in HEADS]
    read = read_longformer if is_long else read_encoder
    return read(folder, config, task, load_weights, overrides)


def read_encoder(
    folder: Path,
    config: dict[str, Any],
    task: type | str | None,
    load_weights: bool,
    overrides: dict[str, Any],
) -> Any:
    """The KerasHub model of a folder; see `longkeras.conversion.from_huggingface`.

    RoBERTa's one token type, which KerasHub does not have, is added to its positions.

    Args:
        folder: path.
        config: dict. Of its `config.json`.
        task: class, name, or None.
        load_weights: bool.
        overrides: dict of arguments of backbone and task.

    Returns:
        A backbone or a task.

    Raises:
        CheckpointError: If the checkpoint is not whole, or of another kind.
        ValueError: If KerasHub has no class that holds all of it.
    """
    known = read_encoder_config(folder, config)
    kinds = _KINDS[config["model_type"]]
    head = head_of(known, _task_name(task, kinds, known))
    if head.name not in kinds:
        raise _not_in_keras_hub(known, f"it has no {head.name}", task=head.name)
    of_backbone, of_task = _split(overrides, kinds, head)
    arguments = {**_backbone_arguments(known, overrides), **of_backbone}
    tensors: Tensors = {}
    places: list[WeightPlace] = []
    if load_weights:
        tensors, places = _tensors(known, head, "num_classes" not in overrides)
    model = kinds["backbone"](**arguments)
    if head.name != "backbone":
        of_task = {**_task_arguments(known, head, tensors, of_task), **of_task}
        model = kinds[head.name](backbone=model, **of_task)
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


def _split(
    overrides: dict[str, Any], kinds: dict[str, Any], head: Head
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the backbone and of the task; `dropout` is one of both.

    A classifier's `activation` is that of its outputs.
    """
    if head.name == "backbone":
        return overrides, {}
    task_names = set(inspect.signature(kinds[head.name]).parameters)
    names = set(inspect.signature(kinds["backbone"]).parameters)
    names -= task_names - {"dropout"}
    return (
        {name: x for name, x in overrides.items() if name in names},
        {
            name: x
            for name, x in overrides.items()
            if name in task_names or name not in names
        },
    )


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
