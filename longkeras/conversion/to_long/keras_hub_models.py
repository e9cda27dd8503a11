"""KerasHub's models and presets of BERT, RoBERTa and XLM-R as Longformers."""

from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from longkeras.conversion.checkpoint_folder import preset_folder, read_object
from longkeras.conversion.encoder_checkpoints import (
    SEGMENT_EMBEDDINGS,
    with_rows_before,
)
from longkeras.conversion.families import keras_hub as short_families
from longkeras.conversion.families import longformer
from longkeras.conversion.head_choice import choose_head, log_new_head, wanted_head
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.read import ModelParts
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.to_long import encoders
from longkeras.layers.activations import gelu_tanh
from longkeras.models import LongformerBackbone, LongformerTokenizer
from longkeras.safe_files import check_preset_folder
from longkeras.safe_files.preset_layout import HUB_PREFIX, TASK_FILE, TOKENIZER_FILE

_BACKBONES = (keras_hub.models.BertBackbone, keras_hub.models.RobertaBackbone)
_TASKS = {
    "masked_lm": keras_hub.models.MaskedLM,
    "text_classifier": keras_hub.models.TextClassifier,
}
# The registered name of a KerasHub function that Hugging Face knows as one of ours.
_KERAS_HUB_GELU_TANH = "keras_hub>gelu_approximate"


def convert_model(model: Any, **overrides: Any) -> Any:
    """Make a Longformer of a KerasHub model."""
    task = _task_of(model)
    _check_kind(model, task)
    arguments = _task_arguments(model, task)
    return _longformer(model, task, arguments, _tokenizer_of(model), overrides)


def read_preset(
    kind: type, preset: str, load_weights: bool = True, **overrides: Any
) -> Any:
    """Make a Longformer of a KerasHub preset for `from_preset` of a Longformer class.

    Returns None for other classes.
    """
    if not any(kind is head.model for head in longformer.FAMILY.heads):
        return None
    if preset.startswith(HUB_PREFIX):
        preset = str(preset_folder(preset, load_weights))
    check_preset_folder(preset)
    return convert_preset(kind, preset, load_weights, **overrides)


def convert_preset(
    task: type | str | None, preset: str, load_weights: bool = True, **overrides: Any
) -> Any:
    """Make a Longformer of a KerasHub preset, the backbone if `task` is None.

    A task's head is the preset's if it has the requested number of classes, and a new
    one otherwise.
    """
    # Without `architectures`: `_holds_head` finds the task of a preset.
    request = LoadRequest(Path(preset), {}, task, load_weights, overrides)
    head = wanted_head(request, longformer.FAMILY)
    of_backbone, of_task = request.split_overrides(
        LongformerBackbone, head.model if head.task != "backbone" else None
    )
    loads = {"load_weights": load_weights}
    if _holds_head(request, head.task):
        model = _TASKS[head.task].from_preset(preset, **loads)
        _check_kind(model, _task_of(model))
        arguments, tokenizer = _task_arguments(model, head.task), _tokenizer_of(model)
    else:
        arguments = choose_head(request, head, {}).arguments
        model = keras_hub.models.Backbone.from_preset(preset, **loads)
        _check_kind(model, "backbone")
        tokenizer = _tokenizer_in(preset) if head.task != "backbone" else None
        if head.weights:
            log_new_head(request.folder, head.model)
    of_task = {**arguments, **of_task}
    return _longformer(model, head.task, of_task, tokenizer, of_backbone)


def _longformer(
    model: Any,
    task: str,
    task_arguments: dict[str, Any],
    tokenizer: Any,
    overrides: dict[str, Any],
) -> Any:
    """The Longformer of a KerasHub model, which may be a backbone without the task."""
    backbone = getattr(model, "backbone", model)
    is_bert = isinstance(backbone, keras_hub.models.BertBackbone)
    short = short_families.BERT if is_bert else short_families.ROBERTA
    family = encoders.BERT if is_bert else encoders.ROBERTA
    head = family.head_for(task)
    arguments = {
        **_backbone_arguments(backbone),
        "padding_id": tokenizer.pad_token_id if tokenizer else 0 if is_bert else 1,
        "use_pooler": is_bert and task == "backbone",
        "max_sequence_length": encoders.DEFAULT_LENGTH,
        "attention_window": encoders.DEFAULT_WINDOW,
        **overrides,
    }
    longformer.check_longer(
        arguments["max_sequence_length"], backbone.max_sequence_length
    )
    mappings = short.weights(backbone)
    head_weights = list(head.pretrained)
    if model is not backbone:
        mappings = [x.in_task() for x in mappings] + [*short.head_for(task).weights]
        head_weights += head.weights
    tensors = {x.tensor: x.tensor_of(model) for x in mappings}
    tensors.setdefault(SEGMENT_EMBEDDINGS, _one_segment(backbone.hidden_dim))
    tensors = with_rows_before(tensors, arguments["padding_id"] + 1)
    tensors = longformer.with_longer_table(arguments, tensors)
    if task != "backbone" and tokenizer is not None:
        length = arguments["max_sequence_length"]
        preprocessor = head.model.preprocessor_cls(
            tokenizer, max_sequence_length=length
        )
        task_arguments = {"preprocessor": preprocessor, **task_arguments}
    weights = family.weights_for(arguments)
    parts = ModelParts(
        family, head, arguments, task_arguments, weights, head_weights, tensors
    )
    return parts.model(parts.backbone())


def _tokenizer_of(model: Any) -> Any:
    preprocessor = getattr(model, "preprocessor", None)
    return preprocessor and longformer_tokenizer_of(preprocessor.tokenizer)


def _tokenizer_in(preset: str) -> Any:
    # A folder may hold a backbone alone.
    if Path(preset).is_dir() and not (Path(preset) / TOKENIZER_FILE).is_file():
        return None
    return longformer_tokenizer_of(keras_hub.tokenizers.Tokenizer.from_preset(preset))


def _task_of(model: Any) -> str | None:
    tasks = (task for task, kind in _TASKS.items() if isinstance(model, kind))
    return next(tasks, "backbone" if isinstance(model, _BACKBONES) else None)


def _check_kind(model: Any, task: str | None) -> None:
    backbone = getattr(model, "backbone", model)
    if isinstance(model, keras.Model) and isinstance(backbone, LongformerBackbone):
        raise ValueError(
            "`model` is a Longformer already: `extend_positions` makes it longer. "
            f"Received: model={type(model).__name__}"
        )
    if task is None or not isinstance(backbone, _BACKBONES):
        raise ValueError(
            "`model` must be KerasHub's RoBERTa, BERT or XLM-R: a backbone, a masked "
            "language model or a classifier of texts; or the name of one, or a "
            f"Hugging Face folder. Received: model={type(model).__name__}"
        )
    _check_plain(model)


def _check_plain(model: Any) -> None:
    """Refuse eight-bit weights and low-rank factors."""
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


def _holds_head(request: LoadRequest, task: str) -> bool:
    """Return whether a preset holds the task with the requested number of classes."""
    wanted = request.num_classes
    if task not in _TASKS:
        return False
    if not request.folder.is_dir():
        # A name: only KerasHub knows its preset.
        return wanted is None
    path = request.folder / TASK_FILE
    if not path.is_file():
        return False
    saved = read_object(path)
    kind = keras.saving.get_registered_object(saved.get("registered_name"))
    is_own = isinstance(kind, type) and issubclass(kind, _TASKS[task])
    return is_own and wanted in (None, saved.get("config", {}).get("num_classes"))


def _one_segment(hidden_dim: int) -> NamedTensor:
    """A table of one segment, zeros: what RoBERTa without segments amounts to."""
    return NamedTensor(
        SEGMENT_EMBEDDINGS,
        np.dtype("float32"),
        (1, hidden_dim),
        lambda: np.zeros((1, hidden_dim), "float32"),
    )


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
    # KerasHub's backbones keep no activation and epsilon; their layers do.
    layer = backbone.transformer_layers[0].get_config()
    return {
        **{name: getattr(backbone, name) for name in names},
        "attention_dropout": backbone.dropout,
        "num_segments": getattr(backbone, "num_segments", 1),
        "activation": _activation(layer["activation"]),
        "layer_norm_epsilon": layer["layer_norm_epsilon"],
        "dtype": backbone.dtype_policy,
    }


def _task_arguments(model: Any, task: str | None) -> dict[str, Any]:
    if task == "text_classifier":
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
    if task == "masked_lm":
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


def longformer_tokenizer_of(tokenizer: Any) -> Any:
    """The Longformer tokenizer with the same ids."""
    if isinstance(tokenizer, LongformerTokenizer):
        return tokenizer
    if isinstance(tokenizer, keras_hub.models.RobertaTokenizer):
        vocabulary = tokenizer.vocabulary
        return LongformerTokenizer.from_byte_pair(
            vocabulary,
            tokenizer.merges,
            add_prefix_space=tokenizer.add_prefix_space,
            unknown_token="<unk>" if "<unk>" in vocabulary else None,
        )
    if isinstance(tokenizer, keras_hub.models.BertTokenizer):
        return LongformerTokenizer.from_word_piece(
            tokenizer.get_vocabulary(),
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            split_chinese=tokenizer.split_on_cjk,
        )
    if isinstance(tokenizer, keras_hub.models.XLMRobertaTokenizer):
        return LongformerTokenizer.from_sentence_piece(tokenizer.proto)
    raise ValueError(
        "`tokenizer` must be KerasHub's of RoBERTa, BERT or XLM-R. "
        f"Received: tokenizer={type(tokenizer).__name__}"
    )
