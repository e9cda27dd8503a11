"""Hugging Face's BERT, RoBERTa and XLM-R, read as Longformers."""

from dataclasses import replace
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_tensors import Tensors
from longkeras.conversion.encoder_checkpoints import (
    POOLER,
    check_short_encoder,
    encoder_arguments,
    head_dropout,
    is_bert,
    separator_id,
    with_rows_before,
)
from longkeras.conversion.families import longformer
from longkeras.conversion.family import Head
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.weight_map import WeightMapping, dense_weights

DEFAULT_LENGTH = 4096
DEFAULT_WINDOW = 512


def _arguments(request: ModelRequest, head: Head, tensors: Tensors) -> dict[str, Any]:
    check_short_encoder(request, head, tensors)
    arguments = encoder_arguments(request)
    own_length = arguments["max_sequence_length"]
    default = max(DEFAULT_LENGTH, own_length)
    length = request.overrides.get("max_sequence_length", default)
    longformer.check_longer(length, own_length)
    return {
        **arguments,
        "max_sequence_length": length,
        "attention_window": DEFAULT_WINDOW,
        "use_pooler": head.task == "backbone" and f"{POOLER}.weight" in tensors,
    }


def local_weights(backbone: Any) -> list[WeightMapping]:
    """The mappings of a Longformer to a short encoder; see `Family.weights`.

    The projections of global tokens are copies of those of all others.
    """
    return [
        replace(mapping, tensor=mapping.tensor.replace("_global.", "."))
        for mapping in longformer.backbone_weights(backbone)
    ]


def adapt_tensors(
    request: ModelRequest, arguments: dict[str, Any], tensors: Tensors
) -> Tensors:
    """Make BERT's position table one of Longformer's, and longer."""
    tensors = with_rows_before(tensors, arguments["padding_id"] + 1)
    return longformer.with_longer_table(arguments, tensors)


def task_arguments(
    request: ModelRequest, head: Head, is_kept: bool, tokenizer: Any
) -> dict[str, Any]:
    if head.task == "masked_lm":
        # BERT's head has the activation of the layers. RoBERTa's and Longformer's,
        # and so a new one, has GELU.
        is_own = is_kept and is_bert(request.config)
        activation = encoder_arguments(request)["activation"] if is_own else "gelu"
        return {"head_activation": activation}
    if head.task == "question_answerer" and "separator_id" not in request.overrides:
        return {"separator_id": _separator_id(request, tokenizer())}
    return {"dropout": head_dropout(request)}


def _separator_id(request: ModelRequest, tokenizer: Any) -> int:
    if tokenizer is not None:
        return tokenizer.separator_token_id
    if is_bert(request.config) and request.config.get("sep_token_id") is None:
        raise CheckpointError(
            "The checkpoint must have a tokenizer or a sep_token_id, to know where a "
            f"question ends. Received: path={request.path}"
        )
    return separator_id(request)


# BERT's classifier of texts is RoBERTa's: a dense layer and a tanh over the first
# token, and a dense layer. BERT calls the first of them its pooler.
_BERT_CLASSIFIER = Head(
    "text_classifier",
    longformer.LongformerTextClassifier,
    tuple(dense_weights("classifier", "output_dense")),
    classes="classifier.bias",
    pretrained=tuple(dense_weights(POOLER, "pooled_dense")),
)
ROBERTA = replace(
    longformer.FAMILY,
    name="Roberta",
    arguments=_arguments,
    weights=local_weights,
    task_arguments=task_arguments,
    config=None,
)
BERT = replace(
    ROBERTA,
    name="Bert",
    heads=tuple(
        _BERT_CLASSIFIER if head.task == "text_classifier" else head
        for head in ROBERTA.heads
    ),
    adapt=adapt_tensors,
)
