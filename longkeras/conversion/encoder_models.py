"""KerasHub's models of BERT, RoBERTa and XLM-R."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from longkeras.conversion.encoder_folder import with_rows_before
from longkeras.conversion.encoder_names import (
    with_pooler_as_head,
    without_pooler,
)
from longkeras.conversion.encoder_places import SEGMENT_EMBEDDINGS, encoder_places
from longkeras.conversion.encoder_source import EncoderSource
from longkeras.conversion.encoder_tokenizers import longformer_tokenizer_of
from longkeras.conversion.head_choice import (
    choose_head,
    log_new_head,
    num_classes_in,
    wanted_head,
)
from longkeras.conversion.longformer_table import HEADS, Head
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.strict_json import read_object
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_names import Tensors
from longkeras.layers.activations import gelu_tanh
from longkeras.models import LongformerBackbone
from longkeras.safe_files.preset_layout import TASK_FILE, TOKENIZER_FILE

_BACKBONES = (keras_hub.models.BertBackbone, keras_hub.models.RobertaBackbone)
_TASKS = {
    "masked_lm": keras_hub.models.MaskedLM,
    "text_classifier": keras_hub.models.TextClassifier,
}
# KerasHub's name of a function that Hugging Face can be told of by ours.
_KERAS_HUB_GELU_TANH = "keras_hub>gelu_approximate"


def source_of_model(model: Any) -> EncoderSource:
    """Takes a model of KerasHub's apart, to make a Longformer of it.

    Args:
        model: A backbone of BERT, RoBERTa or XLM-R, or one of their tasks of masked
            language models and classifiers of texts.

    Returns:
        `EncoderSource`.

    Raises:
        ValueError: If the model is another, or is quantized or adapted.
    """
    head = _head_of(model)
    _check_kind(model, head)
    preprocessor = getattr(model, "preprocessor", None)
    tokenizer = None
    if preprocessor is not None:
        tokenizer = longformer_tokenizer_of(preprocessor.tokenizer)
    arguments, tensors = _parts(model, head, head, tokenizer)
    return EncoderSource(
        arguments,
        tensors,
        head,
        list(head.places),
        _task_arguments(model, head),
        tokenizer,
    )


def source_of_preset(preset: str, request: ModelRequest) -> EncoderSource:
    """Loads a preset of KerasHub's, to make a Longformer of it.

    A task's head is the preset's where it holds one of as many classes, and a new one
    otherwise.

    Args:
        preset: str. See `keras_hub.models.Backbone.from_preset`.
        request: `ModelRequest`. Its task is one of ours, or None for the backbone; its
            overrides are arguments of the Longformer.

    Returns:
        `EncoderSource`.

    Raises:
        CheckpointError: If there is no such task.
        ValueError: If the model is of another kind, or a new head needs
            `num_classes`.
    """
    head = wanted_head(request.task, request.config, request.path)
    kind = head.kind if head.name != "backbone" else None
    of_backbone, of_task = request.split_overrides(LongformerBackbone, kind)
    loads = {"load_weights": request.load_weights}
    if _holds_head(preset, head, request.overrides):
        source = source_of_model(_TASKS[head.name].from_preset(preset, **loads))
    else:
        classes = choose_head(request, head, {}, list(head.places)).arguments
        source = _source_with_new_head(preset, head, classes, loads)
        if head.places:
            log_new_head(request.folder, head.kind)
    return replace(
        source,
        arguments={**source.arguments, **of_backbone},
        task_arguments={**source.task_arguments, **of_task},
    )


def _source_with_new_head(
    preset: str, head: Head, classes: dict[str, Any], loads: dict[str, bool]
) -> EncoderSource:
    backbone = keras_hub.models.Backbone.from_preset(preset, **loads)
    _check_kind(backbone, HEADS[0])
    tokenizer = None
    # A folder may hold a backbone alone.
    is_bare = Path(preset).is_dir() and not (Path(preset) / TOKENIZER_FILE).is_file()
    if head.name != "backbone" and not is_bare:
        tokenizer = longformer_tokenizer_of(
            keras_hub.tokenizers.Tokenizer.from_preset(preset)
        )
    arguments, tensors = _parts(backbone, HEADS[0], head, tokenizer)
    places = [place for place in head.places if place.tensor in tensors]
    return EncoderSource(arguments, tensors, head, places, classes, tokenizer)


def _check_kind(model: Any, head: Head | None) -> None:
    backbone = getattr(model, "backbone", model)
    if isinstance(model, keras.Model) and isinstance(backbone, LongformerBackbone):
        raise ValueError(
            "`model` is a Longformer already: `extend_positions` makes it longer. "
            f"Received: model={type(model).__name__}"
        )
    if head is None or not isinstance(backbone, _BACKBONES):
        raise ValueError(
            "`model` must be KerasHub's RoBERTa, BERT or XLM-R: a backbone, a masked "
            "language model or a classifier of texts; or the name of one, or a "
            f"Hugging Face folder. Received: model={type(model).__name__}"
        )
    _check_plain(model)


def _parts(
    model: Any, read: Head, wanted: Head, tokenizer: Any
) -> tuple[dict[str, Any], Tensors]:
    """Arguments of the backbone, and the tensors: those of the head that is read."""
    backbone = getattr(model, "backbone", model)
    is_bert = isinstance(backbone, keras_hub.models.BertBackbone)
    padding_id = 0 if is_bert else 1
    if tokenizer is not None:
        padding_id = tokenizer.pad_token_id
    places = encoder_places(is_bert, backbone.num_layers, read)
    tensors = {place.tensor: _tensor(place, model) for place in places}
    if is_bert and wanted.name == "text_classifier":
        tensors = with_pooler_as_head(tensors)
    elif wanted.name != "backbone":
        tensors = without_pooler(tensors)
    tensors = with_rows_before(tensors, padding_id + 1)
    if not is_bert:
        tensors = _with_one_segment(tensors, backbone.hidden_dim)
    arguments = {
        **_backbone_arguments(backbone),
        "padding_id": padding_id,
        "use_pooler": is_bert and wanted.name == "backbone",
    }
    return arguments, tensors


def _holds_head(preset: str, head: Head, overrides: dict[str, Any]) -> bool:
    """Return whether a preset holds the task, with as many classes as are wanted."""
    if head.name not in _TASKS:
        return False
    wanted = num_classes_in(overrides)
    if not Path(preset).is_dir():
        # Only KerasHub can tell what a name stands for.
        return wanted is None
    path = Path(preset) / TASK_FILE
    if not path.is_file():
        return False
    saved = read_object(path)
    kind = keras.saving.get_registered_object(saved.get("registered_name"))
    is_own = isinstance(kind, type) and issubclass(kind, _TASKS[head.name])
    return is_own and wanted in (None, saved.get("config", {}).get("num_classes"))


def _head_of(model: Any) -> Head | None:
    name = "backbone" if isinstance(model, _BACKBONES) else None
    for task, kind in _TASKS.items():
        name = task if isinstance(model, kind) else name
    return next((head for head in HEADS if head.name == name), None)


def _check_plain(model: Any) -> None:
    """No eight-bit weights, and none beside those that the tensors have."""
    odd = [
        weight.path
        for weight in model.weights
        if "lora" in weight.path or "int" in str(weight.dtype)
        if "seed" not in weight.path
    ]
    if odd:
        raise ValueError(
            "`model` must be neither quantized nor adapted with `enable_lora`: "
            f"convert it first. Received: a model with {odd[0]}"
        )


def _tensor(place: Any, model: Any) -> NamedTensor:
    return NamedTensor(
        place.tensor,
        np.dtype("float32"),
        place.shape(model),
        lambda: place.values(model),
    )


def _with_one_segment(tensors: Tensors, hidden_dim: int) -> Tensors:
    """RoBERTa without segments is one with a segment of zeros."""
    segments = NamedTensor(
        SEGMENT_EMBEDDINGS,
        np.dtype("float32"),
        (1, hidden_dim),
        lambda: np.zeros((1, hidden_dim), "float32"),
    )
    return {**tensors, SEGMENT_EMBEDDINGS: segments}


def _backbone_arguments(backbone: Any) -> dict[str, Any]:
    names = (
        "vocabulary_size",
        "num_layers",
        "num_heads",
        "hidden_dim",
        "intermediate_dim",
        "dropout",
        "max_sequence_length",
    )
    # The two that KerasHub's backbones do not tell, their layers do.
    layer = backbone.transformer_layers[0].get_config()
    return {
        **{name: getattr(backbone, name) for name in names},
        "attention_dropout": backbone.dropout,
        "num_segments": getattr(backbone, "num_segments", 1),
        "activation": _activation(layer["activation"]),
        "layer_norm_epsilon": layer["layer_norm_epsilon"],
        "dtype": backbone.dtype_policy,
    }


def _task_arguments(model: Any, head: Head) -> dict[str, Any]:
    if head.name == "text_classifier":
        width = getattr(model, "hidden_dim", model.backbone.hidden_dim)
        if width != model.backbone.hidden_dim:
            raise ValueError(
                "`model` must have a head as wide as its backbone. Received: "
                f"hidden_dim={width}"
            )
        return {
            "num_classes": model.num_classes,
            "activation": model.activation,
            "dropout": model.dropout,
        }
    if head.name == "masked_lm":
        config = model.masked_lm_head.get_config()
        return {
            "head_activation": _activation(config["intermediate_activation"]),
            "head_layer_norm_epsilon": config["layer_norm_epsilon"],
        }
    return {}


def _activation(saved: Any) -> Any:
    activation = keras.activations.get(saved)
    is_gelu_tanh = keras.saving.get_registered_name(activation) == _KERAS_HUB_GELU_TANH
    return gelu_tanh if is_gelu_tanh else activation
