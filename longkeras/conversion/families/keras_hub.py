"""BERT, RoBERTa and XLM-R checkpoints as models of KerasHub's classes."""

import json
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from longkeras import models
from longkeras.conversion import encoder_checkpoints as shared
from longkeras.conversion.checkpoint_folder import read_tokenizer
from longkeras.conversion.family import Family, Head
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.weight_map import WeightMapping, dense_weights, norm_weights

_log = logging.getLogger(__name__)

_ROBERTA_EPSILON = 1e-5
_SENTENCE_PIECE_FILE = "sentencepiece.bpe.model"
# Names of a layer's dense layers and norms in the checkpoint and in KerasHub.
_DENSES = {
    "intermediate.dense": "feedforward_intermediate_dense/",
    "output.dense": "feedforward_output_dense/",
}
_NORMS = {
    "attention.output.LayerNorm": "self_attention_layer_norm/",
    "output.LayerNorm": "feedforward_layer_norm/",
}


def bert_weights(backbone: Any) -> list[WeightMapping]:
    """The mappings of KerasHub's BERT; see `Family.weights`."""
    return [
        WeightMapping(shared.POSITION_EMBEDDINGS, "position_embedding", "embeddings"),
        WeightMapping(shared.SEGMENT_EMBEDDINGS, "segment_embedding", "embeddings"),
        *_encoder_weights(backbone),
        *dense_weights(shared.POOLER, "pooled_dense"),
    ]


def roberta_weights(backbone: Any) -> list[WeightMapping]:
    """The mappings of KerasHub's RoBERTa; see `Family.weights`.

    KerasHub has no segments, and no rows in the position table before that of a text's
    first token.
    """
    table = "position_embedding/embeddings"
    return [
        WeightMapping(shared.POSITION_EMBEDDINGS, "embeddings", table),
        *_encoder_weights(backbone),
    ]


def _encoder_weights(backbone: Any) -> list[WeightMapping]:
    mappings = [
        WeightMapping(shared.WORD_EMBEDDINGS, "token_embedding", "embeddings"),
        *norm_weights("embeddings.LayerNorm", "embeddings_layer_norm"),
    ]
    for number in range(backbone.num_layers):
        theirs, ours = f"{shared.LAYER}{number}", f"transformer_layers.{number}"
        for kind in ("query", "key", "value"):
            name, part = f"attention.self.{kind}", f"self_attention_layer/{kind}/"
            mappings += dense_weights(f"{theirs}.{name}", ours, part, output_axes=2)
        part = "self_attention_layer/attention_output/"
        mappings += dense_weights(f"{theirs}.attention.output.dense", ours, part)
        for name, part in _NORMS.items():
            mappings += norm_weights(f"{theirs}.{name}", ours, part)
        for name, part in _DENSES.items():
            mappings += dense_weights(f"{theirs}.{name}", ours, part)
    return mappings


def _variant(request: LoadRequest) -> str | None:
    """Recognize Longformers that the authors' notebook made, saved as RoBERTa."""
    names = ("attention.self.query_global." in name for name in request.tensors)
    is_long = "attention_window" in request.config or any(names)
    return "longformer" if is_long else None


def _refusal(request: LoadRequest, reason: str, **received: Any) -> ValueError:
    families = {"bert": BERT, "roberta": ROBERTA, "xlm-roberta": XLM_ROBERTA}
    backbone = families[request.config["model_type"]].backbone.__name__
    said = ", ".join(f"{name}={value!r}" for name, value in received.items())
    return ValueError(
        f"KerasHub's family of {backbone} cannot hold what is wanted: {reason}. A "
        "Longformer can: `longkeras.conversion.convert_to_long` makes it of the same "
        f"folder. Received: path={request.path}, {said}"
    )


def _arguments(request: LoadRequest, head: Head, tensors: Tensors) -> dict[str, Any]:
    shared.check_short_encoder(request, head, tensors)
    arguments = shared.encoder_arguments(request)
    del arguments["padding_id"]
    rate = arguments.pop("attention_dropout")
    if rate != arguments["dropout"] and "dropout" not in request.overrides:
        raise _refusal(
            request,
            "it has one `dropout` for everything, which may be given",
            hidden_dropout_prob=arguments["dropout"],
            attention_probs_dropout_prob=rate,
        )
    if isinstance(arguments["activation"], str):
        raise _refusal(
            request,
            "its activations have no weights",
            hidden_act=request.config["hidden_act"],
        )
    if request.model_type == "bert":
        return arguments
    activation = arguments.pop("activation")
    epsilon = arguments.pop("layer_norm_epsilon")
    if activation is not keras.activations.gelu or epsilon != _ROBERTA_EPSILON:
        raise _refusal(
            request,
            f"it has gelu and an epsilon of {_ROBERTA_EPSILON}",
            hidden_act=request.config.get("hidden_act", "gelu"),
            layer_norm_eps=epsilon,
        )
    del arguments["num_segments"]
    return arguments


def adapt_tensors(
    request: LoadRequest, arguments: dict[str, Any], tensors: Tensors
) -> Tensors:
    """Add the embedding of RoBERTa's one token type to the positions."""
    segments = np.array(tensors[shared.SEGMENT_EMBEDDINGS].read(), "float32")
    if (segments != segments[:1]).any():
        raise _refusal(request, "it has no token types", type_vocab_size=len(segments))
    table = tensors[shared.POSITION_EMBEDDINGS]
    first = table.shape[0] - shared.encoder_arguments(request)["max_sequence_length"]
    positions = table.changed(
        (table.shape[0] - first, table.shape[1]),
        lambda rows: rows[first:] + segments[:1],
    )
    return {**tensors, shared.POSITION_EMBEDDINGS: positions}


def task_arguments(
    request: LoadRequest, head: Head, is_kept: bool, tokenizer: Any
) -> dict[str, Any]:
    return {"dropout": shared.head_dropout(request)}


def _read_tokenizer(folder: Path, model_type: str) -> Any:
    """KerasHub's tokenizer of a folder, or None if KerasHub cannot represent it."""
    tokenizer = _keras_hub_tokenizer(folder, model_type)
    if tokenizer is None:
        _log.warning("%s: KerasHub cannot read the tokenizer", folder)
    return tokenizer


def _keras_hub_tokenizer(folder: Path, model_type: str) -> Any:
    if model_type == "xlm-roberta":
        path = folder / _SENTENCE_PIECE_FILE
        if not path.is_file():
            return None
        return keras_hub.models.XLMRobertaTokenizer(path.read_bytes())
    tokenizer = read_tokenizer(folder, models.LongformerTokenizer)
    definition = json.loads(tokenizer.definition)
    ids = tokenizer.get_vocabulary()
    kind = definition["model"]["type"]
    if (model_type, kind) == ("roberta", "BPE"):
        merges = definition["model"]["merges"]
        lines = [x if isinstance(x, str) else " ".join(x) for x in merges]
        return keras_hub.models.RobertaTokenizer(ids, lines)
    if (model_type, kind) == ("bert", "WordPiece"):
        rules = definition["normalizer"]
        strips = rules["strip_accents"]
        return keras_hub.models.BertTokenizer(
            sorted(ids, key=ids.get),
            lowercase=rules["lowercase"],
            strip_accents=rules["lowercase"] if strips is None else strips,
            split_on_cjk=rules["handle_chinese_chars"],
        )
    return None


def _heads(backbone: Any, masked_lm: Any, text_classifier: Head) -> tuple[Head, ...]:
    masked_lm_head = Head("masked_lm", masked_lm, shared.MASKED_LM_HEAD)
    return Head("backbone", backbone), masked_lm_head, text_classifier


BERT = Family(
    name="Bert",
    heads=_heads(
        models.ExactBertBackbone,
        models.ExactBertMaskedLM,
        shared.linear_classifier("text_classifier", models.ExactBertTextClassifier),
    ),
    names=shared.NAMES,
    shapes=shared.table_shapes,
    tied=shared.TIED_OUTPUT,
    arguments=_arguments,
    weights=bert_weights,
    task_arguments=task_arguments,
    read_tokenizer=partial(_read_tokenizer, model_type="bert"),
    length_argument="sequence_length",
    pooler=f"{shared.POOLER}.",
    refusal=_refusal,
)
ROBERTA = replace(
    BERT,
    name="Roberta",
    heads=_heads(
        keras_hub.models.RobertaBackbone,
        keras_hub.models.RobertaMaskedLM,
        shared.two_layer_classifier(keras_hub.models.RobertaTextClassifier),
    ),
    weights=roberta_weights,
    read_tokenizer=partial(_read_tokenizer, model_type="roberta"),
    adapt=adapt_tensors,
    adapted=(shared.SEGMENT_EMBEDDINGS,),
    pooler=None,
    variant=_variant,
)
XLM_ROBERTA = replace(
    ROBERTA,
    name="XLMRoberta",
    heads=_heads(
        keras_hub.models.XLMRobertaBackbone,
        keras_hub.models.XLMRobertaMaskedLM,
        shared.two_layer_classifier(keras_hub.models.XLMRobertaTextClassifier),
    ),
    read_tokenizer=partial(_read_tokenizer, model_type="xlm-roberta"),
)
