"""KerasHub's models of BERT, RoBERTa and XLM-R."""

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
from longkeras.conversion.longformer_table import HEADS, Head
from longkeras.conversion.longformer_tensors import Tensors
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.layers.activations import gelu_tanh

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
    backbone = getattr(model, "backbone", model)
    head = _head_of(model)
    if not isinstance(backbone, _BACKBONES) or head is None:
        raise ValueError(
            "`model` must be KerasHub's RoBERTa, BERT or XLM-R: a backbone, a masked "
            "language model or a classifier of texts; or the name of one, or a "
            f"Hugging Face folder. Received: model={type(model).__name__}"
        )
    _check_plain(model)
    is_bert = isinstance(backbone, keras_hub.models.BertBackbone)
    tokenizer = _tokenizer_of(model)
    padding_id = 0 if is_bert else 1
    if tokenizer is not None:
        padding_id = tokenizer.pad_token_id
    places = encoder_places(is_bert, backbone.num_layers, head)
    tensors = {place.tensor: _tensor(place, model) for place in places}
    if is_bert and head.name == "text_classifier":
        tensors = with_pooler_as_head(tensors)
    elif head.name != "backbone":
        tensors = without_pooler(tensors)
    tensors = with_rows_before(tensors, padding_id + 1)
    if not is_bert:
        tensors = _with_one_segment(tensors, backbone.hidden_dim)
    arguments = {
        **_backbone_arguments(backbone),
        "padding_id": padding_id,
        "use_pooler": is_bert and head.name == "backbone",
    }
    return EncoderSource(
        arguments, tensors, head, _task_arguments(model, head), tokenizer
    )


def load_keras_hub(preset: str, task: str | None) -> Any:
    """Loads a model of KerasHub's by its name.

    Args:
        preset: str. See `keras_hub.models.Backbone.from_preset`.
        task: str, `"masked_lm"` or `"text_classifier"`; or None, or `"backbone"`.

    Returns:
        A backbone or a task.

    Raises:
        ValueError: If KerasHub has no such task.
    """
    if task in (None, "backbone"):
        return keras_hub.models.Backbone.from_preset(preset)
    if task not in _TASKS:
        raise ValueError(
            f"`task` must be one of backbone, {', '.join(_TASKS)} for a preset of "
            f"KerasHub, which has no others of these models. Received: task={task!r}"
        )
    return _TASKS[task].from_preset(preset)


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


def _tokenizer_of(model: Any) -> Any:
    preprocessor = getattr(model, "preprocessor", None)
    if preprocessor is None:
        return None
    return longformer_tokenizer_of(preprocessor.tokenizer)


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
