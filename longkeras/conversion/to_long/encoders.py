"""Checkpoints of BERT, RoBERTa and XLM-R as Longformers."""

from dataclasses import replace
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion import encoder_checkpoints as shared
from longkeras.conversion.families import longformer
from longkeras.conversion.family import Head
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.weight_map import WeightMapping, dense_weights

DEFAULT_LENGTH = 4096
DEFAULT_WINDOW = 512


def _arguments(request: LoadRequest, head: Head, tensors: Tensors) -> dict[str, Any]:
    shared.check_short_encoder(request, head, tensors)
    arguments = shared.encoder_arguments(request)
    own_length = arguments["max_sequence_length"]
    default = max(DEFAULT_LENGTH, own_length)
    length = request.overrides.get("max_sequence_length", default)
    longformer.check_longer(length, own_length)
    return {
        **arguments,
        "max_sequence_length": length,
        "attention_window": DEFAULT_WINDOW,
        "use_pooler": head.task == "backbone" and f"{shared.POOLER}.weight" in tensors,
    }


def local_weights(backbone: Any) -> list[WeightMapping]:
    """The mappings of a Longformer to a short encoder; see `Family.weights`.

    Both projections, of global tokens and of all others, read the same tensors.
    """
    return [
        replace(mapping, tensor=mapping.tensor.replace("_global.", "."))
        for mapping in longformer.backbone_weights(backbone)
    ]


def adapt_tensors(
    request: LoadRequest, arguments: dict[str, Any], tensors: Tensors
) -> Tensors:
    """Turn BERT's position table into a longer one of Longformer's layout."""
    tensors = shared.with_rows_before(tensors, arguments["padding_id"] + 1)
    return longformer.with_longer_table(arguments, tensors)


def task_arguments(
    request: LoadRequest, head: Head, is_kept: bool, tokenizer: Any
) -> dict[str, Any]:
    if head.task == "masked_lm":
        # BERT's head has the activation of its layers. RoBERTa's, Longformer's and a
        # new one have GELU.
        if not (is_kept and request.model_type == "bert"):
            return {"head_activation": "gelu"}
        return {"head_activation": shared.encoder_arguments(request)["activation"]}
    if head.task == "question_answerer" and "separator_id" not in request.overrides:
        return {"separator_id": _separator_id(request, tokenizer())}
    return {"dropout": shared.head_dropout(request)}


def _separator_id(request: LoadRequest, tokenizer: Any) -> int:
    if tokenizer is not None:
        return tokenizer.separator_token_id
    if request.model_type == "bert" and request.config.get("sep_token_id") is None:
        raise CheckpointError(
            "The checkpoint must have a tokenizer or a sep_token_id, to know where a "
            f"question ends. Received: path={request.path}"
        )
    return shared.separator_id(request)


# BERT's classifier of texts is RoBERTa's: a dense layer and a tanh over the first
# token, and a dense layer. BERT calls the first of them its pooler.
_BERT_CLASSIFIER = shared.linear_classifier(
    "text_classifier",
    longformer.LongformerTextClassifier,
    pretrained=tuple(dense_weights(shared.POOLER, "pooled_dense")),
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
