"""Common parts of BERT, RoBERTa, XLM-R and Longformer checkpoints.

The canonical names of their tensors are those of a bare `LongformerModel` and of its
heads. The families differ in prefixes and in BERT's names of its masked language model.
"""

from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.activation_names import activation_of
from longkeras.conversion.checkpoint_tensors import (
    TensorNames,
    Tensors,
    TiedOutput,
    changed,
)
from longkeras.conversion.family import Head
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.weight_map import WeightMapping, dense_weights, norm_weights

WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
POSITION_EMBEDDINGS = "embeddings.position_embeddings.weight"
SEGMENT_EMBEDDINGS = "embeddings.token_type_embeddings.weight"
POOLER = "pooler.dense"
LAYER = "encoder.layer."
_HEAD_ACTIVATION = "lm_head.activation."
_DEFAULT_SEPARATOR = 2

MASKED_LM_HEAD = (
    *dense_weights("lm_head.dense", "masked_lm_head", "intermediate_dense/"),
    *norm_weights("lm_head.layer_norm", "masked_lm_head", "intermediate_layer_norm/"),
    WeightMapping("lm_head.bias", "masked_lm_head", "output_bias"),
)
TIED_OUTPUT = TiedOutput(
    task="masked_lm",
    weight="lm_head.decoder.weight",
    bias="lm_head.decoder.bias",
    embeddings=WORD_EMBEDDINGS,
    tied_bias="lm_head.bias",
)
_HEAD_LAYERS = ("classifier.dense", "classifier.out_proj", "classifier", "qa_outputs")
NAMES = TensorNames(
    prefixes=("bert.", "roberta.", "longformer."),
    renamed={
        "cls.predictions.transform.dense.": "lm_head.dense.",
        "cls.predictions.transform.LayerNorm.": "lm_head.layer_norm.",
        "cls.predictions.transform.transform_act_fn.": _HEAD_ACTIVATION,
        "cls.predictions.decoder.": "lm_head.decoder.",
        "cls.predictions.bias": "lm_head.bias",
    },
    # BERT's first files use the names of TensorFlow's layers.
    endings={
        "LayerNorm.gamma": "LayerNorm.weight",
        "LayerNorm.beta": "LayerNorm.bias",
        "layer_norm.gamma": "layer_norm.weight",
        "layer_norm.beta": "layer_norm.bias",
    },
    # BERT's classifier of sentence pairs.
    dropped=("cls.seq_relationship.",),
    optional=(f"{POOLER}.", _HEAD_ACTIVATION),
    heads=frozenset(
        {
            TIED_OUTPUT.weight,
            *(mapping.tensor for mapping in MASKED_LM_HEAD),
            *(f"{x}.{end}" for x in _HEAD_LAYERS for end in ("weight", "bias")),
        }
    ),
    layer=LAYER,
    task_prefix="longformer.",
)
_REQUIRED_SIZES = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
}


def is_bert(config: dict[str, Any]) -> bool:
    """Return whether positions count padding, and start with the first row.

    Args:
        config: dict. The `config.json`.

    Returns:
        bool.
    """
    return config.get("model_type") == "bert"


def encoder_arguments(request: ModelRequest) -> dict[str, Any]:
    """The arguments that `LongformerBackbone` shares with the short encoders.

    Args:
        request: `ModelRequest`. What its `config.json` leaves out has Hugging Face's
            defaults.

    Returns:
        dict.

    Raises:
        CheckpointError: If a value is missing or impossible.
    """
    arguments: dict[str, Any] = {
        ours: request.size(theirs) for theirs, ours in _REQUIRED_SIZES.items()
    }
    positions = request.size("max_position_embeddings")
    padding_id = request.size("pad_token_id", 0 if is_bert(request.config) else 1)
    first = 0 if is_bert(request.config) else padding_id + 1
    try:
        activation = activation_of(request.config.get("hidden_act", "gelu"))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{error}, path={request.path}") from error
    return {
        **arguments,
        "max_sequence_length": positions - first,
        "padding_id": padding_id,
        "num_segments": request.size("type_vocab_size", 2),
        "activation": activation,
        "dropout": request.number("hidden_dropout_prob", 0.1),
        "attention_dropout": request.number("attention_probs_dropout_prob", 0.1),
        "layer_norm_epsilon": request.number("layer_norm_eps", 1e-12),
    }


def table_shapes(request: ModelRequest) -> dict[str, tuple[int, ...]]:
    """The shapes of the tables and of one layer; see `Family.shapes`."""
    hidden_dim = request.size("hidden_size")
    return {
        WORD_EMBEDDINGS: (request.size("vocab_size"), hidden_dim),
        POSITION_EMBEDDINGS: (request.size("max_position_embeddings"), hidden_dim),
        SEGMENT_EMBEDDINGS: (request.size("type_vocab_size", 2), hidden_dim),
        f"{LAYER}0.intermediate.dense.bias": (request.size("intermediate_size"),),
    }


def head_dropout(request: ModelRequest) -> float:
    """The dropout of a classifier."""
    if request.config.get("classifier_dropout") is not None:
        return request.number("classifier_dropout", 0.0)
    return request.number("hidden_dropout_prob", 0.1)


def separator_id(request: ModelRequest) -> int:
    """The token that separates a question from its context."""
    if request.config.get("sep_token_id") is None:
        return _DEFAULT_SEPARATOR
    return request.size("sep_token_id")


def check_short_encoder(request: ModelRequest, head: Head, tensors: Tensors) -> None:
    """Refuse a short encoder with features that no model here has.

    Args:
        request: `ModelRequest`.
        head: `Head`. The task that is read.
        tensors: dict of `NamedTensor` by canonical name.

    Raises:
        CheckpointError: If it is a decoder, has relative positions, or a masked
            language model whose head has an activation with weights.
    """
    config = request.config
    kind = config.get("position_embedding_type") or "absolute"
    if kind != "absolute" or config.get("is_decoder"):
        raise CheckpointError(
            "Only encoders with a table of positions are known here. Received: "
            f"path={request.path}, position_embedding_type={kind!r}, "
            f"is_decoder={config.get('is_decoder', False)}"
        )
    has_weights = any(name.startswith(_HEAD_ACTIVATION) for name in tensors)
    if head.task == "masked_lm" and has_weights:
        raise CheckpointError(
            "The head of the masked language model has an activation with weights, "
            'which none has here: read it with `task="backbone"`. Received: '
            f"path={request.path}, hidden_act={config.get('hidden_act')!r}"
        )


def with_rows_before(tensors: Tensors, count: int) -> Tensors:
    """Put empty rows before the first of a position table, for padding.

    Args:
        tensors: dict of `NamedTensor` by canonical name.
        count: int.

    Returns:
        dict of `NamedTensor` by canonical name.
    """
    table = tensors[POSITION_EMBEDDINGS]
    length, hidden_dim = table.shape
    longer = changed(
        table,
        (count + length, hidden_dim),
        lambda rows: np.pad(rows, ((count, 0), (0, 0))),
    )
    return {**tensors, POSITION_EMBEDDINGS: longer}
