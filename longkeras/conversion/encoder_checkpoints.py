"""Names, configuration and activations that BERT, RoBERTa and Longformer share.

The canonical names of their tensors are those of a bare `LongformerModel` and of its
heads. XLM-R is RoBERTa here. The families differ in prefixes, and BERT in its names
for the masked language model's head.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.family import Head, TensorNames, TiedOutput
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.weight_map import WeightMapping, dense_weights, norm_weights
from longkeras.layers import activations

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
    # The first BERT files have TensorFlow's names.
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


# Every `hidden_act` of `transformers`, with the function or, for an activation with
# weights, its name here. Of several names for one function the first is written.
ACTIVATIONS: dict[str, Callable | str] = {
    "gelu": keras.activations.gelu,
    "gelu_python": keras.activations.gelu,
    "gelu_new": activations.gelu_tanh,
    "gelu_accurate": activations.gelu_tanh,
    "gelu_fast": activations.gelu_tanh,
    "gelu_python_tanh": activations.gelu_tanh,
    "gelu_pytorch_tanh": activations.gelu_tanh,
    "gelu_10": activations.gelu_clipped,
    "quick_gelu": activations.quick_gelu,
    "relu": keras.activations.relu,
    "relu2": activations.relu_squared,
    "relu6": keras.activations.relu6,
    "leaky_relu": activations.leaky_relu_hundredth,
    "silu": keras.activations.silu,
    "swish": keras.activations.silu,
    "hardswish": keras.activations.hard_silu,
    "mish": keras.activations.mish,
    "laplace": activations.laplace,
    "sqrtsoftplus": activations.sqrt_softplus,
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "linear": keras.activations.linear,
    "prelu": "prelu",
    "xielu": "xielu",
}


def linear_classifier(task: str, model: Any, **options: Any) -> Head:
    """The head of a classifier with one layer: BERT's of texts, and all of tokens."""
    mappings = tuple(dense_weights("classifier", "output_dense"))
    return Head(task, model, mappings, classes="classifier.bias", **options)


def two_layer_classifier(model: Any) -> Head:
    """The head of RoBERTa's and Longformer's classifiers of texts."""
    mappings = (
        *dense_weights("classifier.dense", "pooled_dense"),
        *dense_weights("classifier.out_proj", "output_dense"),
    )
    return Head("text_classifier", model, mappings, "classifier.out_proj.bias")


def activation_of(name: str) -> Callable | str:
    """The activation of a checkpoint's `hidden_act`."""
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`hidden_act` must be one of {', '.join(ACTIVATIONS)}. "
            f"Received: hidden_act={name!r}"
        )
    return ACTIVATIONS[name]


def activation_name(activation: Callable | str) -> str:
    """The `hidden_act` of an activation."""
    for name, known in ACTIVATIONS.items():
        if known == activation:
            return name
    raise ValueError(
        "Hugging Face has no name for this activation, only for "
        f"{sorted(ACTIVATIONS)}. Received: activation={activation}"
    )


def encoder_arguments(request: LoadRequest) -> dict[str, Any]:
    """The arguments that `LongformerBackbone` shares with the short encoders.

    The sizes must be in `config.json`; the rest has Hugging Face's defaults.
    """
    arguments: dict[str, Any] = {
        ours: request.size(theirs) for theirs, ours in _REQUIRED_SIZES.items()
    }
    positions = request.size("max_position_embeddings")
    # RoBERTa's positions begin after the row of its padding token.
    is_bert = request.model_type == "bert"
    padding_id = request.size("pad_token_id", 0 if is_bert else 1)
    first = 0 if is_bert else padding_id + 1
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


def table_shapes(request: LoadRequest) -> dict[str, tuple[int, ...]]:
    """The shapes of the embedding tables and of one bias; see `Family.shapes`."""
    hidden_dim = request.size("hidden_size")
    return {
        WORD_EMBEDDINGS: (request.size("vocab_size"), hidden_dim),
        POSITION_EMBEDDINGS: (request.size("max_position_embeddings"), hidden_dim),
        SEGMENT_EMBEDDINGS: (request.size("type_vocab_size", 2), hidden_dim),
        f"{LAYER}0.intermediate.dense.bias": (request.size("intermediate_size"),),
    }


def head_dropout(request: LoadRequest) -> float:
    """The dropout of a classifier."""
    if request.config.get("classifier_dropout") is not None:
        return request.number("classifier_dropout", 0.0)
    return request.number("hidden_dropout_prob", 0.1)


def separator_id(request: LoadRequest) -> int:
    """The id of the token between a question and its context."""
    if request.config.get("sep_token_id") is None:
        return _DEFAULT_SEPARATOR
    return request.size("sep_token_id")


def check_short_encoder(request: LoadRequest, head: Head, tensors: Tensors) -> None:
    """Refuse a short encoder with features that no model here has."""
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
    """Prepend rows of zeros to the position table, for padding."""
    table = tensors[POSITION_EMBEDDINGS]
    length, hidden_dim = table.shape
    longer = table.changed(
        (count + length, hidden_dim), lambda rows: np.pad(rows, ((count, 0), (0, 0)))
    )
    return {**tensors, POSITION_EMBEDDINGS: longer}
