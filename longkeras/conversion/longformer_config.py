"""Longformer's `config.json` and the arguments of our constructors."""

import re
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.activation_names import activation_of, name_of

# The values of `attention_mode` in allenai's own package; Hugging Face writes
# "longformer" there, or nothing.
_ALLENAI_MODES = ("tvm", "sliding_chunks", "sliding_chunks_no_overlap", "n2")
_BANDED_MODES = ("tvm", "sliding_chunks")
_REQUIRED_SIZES = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "max_position_embeddings": "max_sequence_length",
}
_GENERIC_LABEL = re.compile(r"LABEL_\d+")


def is_longformer(config: dict[str, Any], tensor_names: list[str]) -> bool:
    """Whether a checkpoint is a Longformer, whatever it calls itself.

    Models that the authors' notebook made of RoBERTa or XLM-R keep their `model_type`.

    Args:
        config: dict. Of `config.json`.
        tensor_names: list of str, empty where the weights are not wanted.

    Returns:
        bool.
    """
    if config.get("model_type") == "longformer":
        return True
    has_globals = any("attention.self.query_global." in name for name in tensor_names)
    return config.get("model_type") in ("roberta", "xlm-roberta") and (
        has_globals or "attention_window" in config
    )


def backbone_arguments(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """What `LongformerBackbone` is made with.

    A window is Hugging Face's, the keys on both sides together. Configurations of
    allenai's own package count one side: their windows are doubled, and their
    dilation is taken.

    Args:
        config: dict. Of `config.json`; what it does not say is Hugging Face's default.
        path: path of the file, for messages.

    Returns:
        dict, without `use_pooler` and `tie_embedding_weights`.

    Raises:
        CheckpointError: If a value is missing or impossible.
    """
    arguments = {
        ours: _size(config, theirs, path) for theirs, ours in _REQUIRED_SIZES.items()
    }
    padding_id = _size({"pad_token_id": 1, **config}, "pad_token_id", path)
    arguments["max_sequence_length"] -= padding_id + 1
    arguments["padding_id"] = padding_id
    arguments["num_segments"] = _size(
        {"type_vocab_size": 2, **config}, "type_vocab_size", path
    )
    try:
        arguments["activation"] = activation_of(config.get("hidden_act", "gelu"))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{error}, path={path}") from error
    numbers = {
        "dropout": ("hidden_dropout_prob", 0.1),
        "attention_dropout": ("attention_probs_dropout_prob", 0.1),
        "layer_norm_epsilon": ("layer_norm_eps", 1e-12),
    }
    for ours, (theirs, default) in numbers.items():
        arguments[ours] = _number(config, theirs, default, path)
    return {**arguments, **_window_arguments(config, path)}


def head_arguments(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """What the tasks are made with, beside backbone and preprocessor.

    Args:
        config: dict. Of `config.json`.
        path: path of the file, for messages.

    Returns:
        dict of `dropout`, `separator_id`, and, where the configuration names classes,
        `num_classes` and `class_names`.

    Raises:
        CheckpointError: If a value is impossible.
    """
    dropout = _number(config, "hidden_dropout_prob", 0.1, path)
    if config.get("classifier_dropout") is not None:
        dropout = _number(config, "classifier_dropout", dropout, path)
    separator = config.get("sep_token_id")
    arguments = {
        "dropout": dropout,
        "separator_id": 2 if separator is None else _size(config, "sep_token_id", path),
    }
    if "id2label" in config:
        names = _class_names(config["id2label"], path)
        arguments["num_classes"] = len(names)
        if not all(_GENERIC_LABEL.fullmatch(name) for name in names):
            arguments["class_names"] = names
    return arguments


def huggingface_config(backbone: Any, architecture: str) -> dict[str, Any]:
    """The `config.json` of a backbone.

    Args:
        backbone: `LongformerBackbone`.
        architecture: str. The class in `transformers`.

    Returns:
        dict.

    Raises:
        ValueError: If Hugging Face has no name for something, such as dilation.
    """
    if not _is_undilated(backbone.attention_dilation):
        raise ValueError(
            "`attention_dilation` must be 1 everywhere: Hugging Face's Longformer has "
            f"no other. Received: attention_dilation={backbone.attention_dilation}"
        )
    window = backbone.attention_window
    return {
        "architectures": [architecture],
        "attention_probs_dropout_prob": backbone.attention_dropout,
        "attention_window": list(window)
        if isinstance(window, list | tuple)
        else window,
        "dtype": "float32",
        "hidden_act": name_of(backbone.activation),
        "hidden_dropout_prob": backbone.dropout,
        "hidden_size": backbone.hidden_dim,
        "initializer_range": 0.02,
        "intermediate_size": backbone.intermediate_dim,
        "layer_norm_eps": backbone.layer_norm_epsilon,
        "max_position_embeddings": backbone.max_sequence_length
        + backbone.padding_id
        + 1,
        "model_type": "longformer",
        "num_attention_heads": backbone.num_heads,
        "num_hidden_layers": backbone.num_layers,
        "pad_token_id": backbone.padding_id,
        "tie_word_embeddings": backbone.tie_embedding_weights,
        "type_vocab_size": backbone.num_segments,
        "vocab_size": backbone.vocabulary_size,
    }


def task_config(model: Any) -> dict[str, Any]:
    """What `config.json` says of a task's head.

    Args:
        model: a task.

    Returns:
        dict.

    Raises:
        ValueError: If the head is not as Hugging Face's.
    """
    config: dict[str, Any] = {}
    if hasattr(model, "head_activation"):
        _check_masked_lm_head(model)
    if hasattr(model, "separator_id"):
        config["sep_token_id"] = model.separator_id
    if getattr(model, "dropout", model.backbone.dropout) != model.backbone.dropout:
        config["classifier_dropout"] = model.dropout
    if hasattr(model, "num_classes"):
        numbered = [f"LABEL_{i}" for i in range(model.num_classes)]
        names = model.class_names or numbered
        config["id2label"] = {str(i): name for i, name in enumerate(names)}
        config["label2id"] = {name: i for i, name in enumerate(names)}
    return config


def _check_masked_lm_head(model: Any) -> None:
    """GELU, and the epsilon of the backbone: of a BERT made long it may differ."""
    epsilons = (None, model.backbone.layer_norm_epsilon)
    is_gelu = name_of(model.head_activation) == "gelu"
    if not is_gelu or model.head_layer_norm_epsilon not in epsilons:
        raise ValueError(
            "`head_activation` must be gelu, and `head_layer_norm_epsilon` that of the "
            "backbone: Hugging Face's Longformer has no others. Received: "
            f"head_activation={name_of(model.head_activation)}, "
            f"head_layer_norm_epsilon={model.head_layer_norm_epsilon}"
        )


def _window_arguments(config: dict[str, Any], path: Path) -> dict[str, Any]:
    window = config.get("attention_window", 512)
    mode = config.get("attention_mode")
    if mode not in _ALLENAI_MODES and "autoregressive" not in config:
        return {"attention_window": window}
    if mode not in (None, *_BANDED_MODES) or config.get("autoregressive"):
        raise CheckpointError(
            "The configuration is one of allenai's package, and only its two-sided "
            f"window is known here (attention_mode {' or '.join(_BANDED_MODES)}, not "
            f"autoregressive). Received: path={path}, attention_mode={mode!r}, "
            f"autoregressive={config.get('autoregressive')}"
        )
    windows = window if isinstance(window, list) else [window]
    if not all(type(one_side) is int for one_side in windows):
        raise _impossible(config, "attention_window", path)
    doubled = [2 * one_side for one_side in windows]
    return {
        "attention_window": doubled if isinstance(window, list) else doubled[0],
        "attention_dilation": config.get("attention_dilation", 1),
    }


def _is_undilated(dilation: Any) -> bool:
    if isinstance(dilation, list | tuple):
        return all(_is_undilated(entry) for entry in dilation)
    return dilation == 1


def _class_names(labels: Any, path: Path) -> list[str]:
    """Names in order of a mapping from `"0"`, `"1"` ... to names."""
    numbers = [str(i) for i in range(len(labels))] if isinstance(labels, dict) else []
    if not numbers or set(numbers) != set(labels):
        raise CheckpointError(
            "`id2label` must name the classes 0, 1 and so on. "
            f"Received: path={path}, id2label={str(labels)[:200]}"
        )
    return [str(labels[number]) for number in numbers]


def _size(config: dict[str, Any], name: str, path: Path) -> int:
    value = config.get(name)
    if type(value) is not int or value < 0:
        raise _impossible(config, name, path)
    return value


def _number(config: dict[str, Any], name: str, default: float, path: Path) -> float:
    value = config.get(name, default)
    if type(value) not in (int, float) or value < 0:
        raise _impossible(config, name, path)
    return float(value)


def _impossible(config: dict[str, Any], name: str, path: Path) -> CheckpointError:
    said = repr(config[name])[:200] if name in config else "nothing"
    return CheckpointError(
        f"`{name}` is missing or impossible. Received: path={path}, {name}={said}"
    )
