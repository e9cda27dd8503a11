"""Longformer checkpoints of `transformers`, old and new, and of allenai's package."""

from dataclasses import replace
from functools import partial
from typing import Any

from longkeras.argument_checks import whole_number
from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion import encoder_checkpoints as shared
from longkeras.conversion.checkpoint_folder import read_tokenizer, write_tokenizer
from longkeras.conversion.family import Family, Head
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.weight_map import WeightMapping, dense_weights, norm_weights
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.longer_positions import tiled_positions
from longkeras.models.longformer.masked_lm import LongformerMaskedLM
from longkeras.models.longformer.question_answerer import LongformerQuestionAnswerer
from longkeras.models.longformer.text_classifier import LongformerTextClassifier
from longkeras.models.longformer.token_classifier import LongformerTokenClassifier
from longkeras.models.longformer.tokenizer import LongformerTokenizer

# The values of `attention_mode` in allenai's package. Hugging Face writes "longformer"
# or nothing.
_ALLENAI_MODES = ("tvm", "sliding_chunks", "sliding_chunks_no_overlap", "n2")
_BANDED_MODES = ("tvm", "sliding_chunks")
_ATTENTION = {
    "query": "query_dense",
    "key": "key_dense",
    "value": "value_dense",
    "query_global": "global_query_dense",
    "key_global": "global_key_dense",
    "value_global": "global_value_dense",
}
# The weights of an activation, in the checkpoint and here.
_ACTIVATIONS = {
    "prelu": {"weight": "slope"},
    "xielu": {name: name for name in ("alpha_p", "alpha_n", "beta", "eps")},
}


def backbone_weights(backbone: Any) -> list[WeightMapping]:
    """The mappings of a `LongformerBackbone`; see `Family.weights`."""
    mappings = [
        WeightMapping(shared.WORD_EMBEDDINGS, "token_embedding", "embeddings"),
        WeightMapping(shared.POSITION_EMBEDDINGS, "position_embedding", "embeddings"),
        WeightMapping(shared.SEGMENT_EMBEDDINGS, "segment_embedding", "embeddings"),
        *norm_weights("embeddings.LayerNorm", "embeddings_layer_norm"),
    ]
    is_weighted = isinstance(backbone.activation, str)
    of_activation = _ACTIVATIONS.get(backbone.activation, {}) if is_weighted else {}
    for number in range(backbone.num_layers):
        mappings += _layer_weights(number, of_activation)
    if backbone.use_pooler:
        mappings += dense_weights(shared.POOLER, "pooler_dense")
    return mappings


def _layer_weights(number: int, of_activation: dict[str, str]) -> list[WeightMapping]:
    theirs, ours = f"{shared.LAYER}{number}", f"transformer_layers.{number}"
    attention, ffn = f"{theirs}.attention", f"{theirs}.intermediate"
    mappings = []
    for their_name, our_name in _ATTENTION.items():
        mappings += dense_weights(
            f"{attention}.self.{their_name}", f"{ours}.attention.{our_name}"
        )
    mappings += [
        *dense_weights(f"{attention}.output.dense", f"{ours}.attention.output_dense"),
        *norm_weights(f"{attention}.output.LayerNorm", f"{ours}.attention_norm"),
        *dense_weights(f"{ffn}.dense", f"{ours}.intermediate_dense"),
        *dense_weights(f"{theirs}.output.dense", f"{ours}.output_dense"),
        *norm_weights(f"{theirs}.output.LayerNorm", f"{ours}.output_norm"),
    ]
    layer = f"{ours}.activation_layer"
    return mappings + [
        WeightMapping(f"{ffn}.intermediate_act_fn.{their_name}", layer, our_name)
        for their_name, our_name in of_activation.items()
    ]


def _arguments(request: LoadRequest, head: Head, tensors: Tensors) -> dict[str, Any]:
    """The arguments of `LongformerBackbone`.

    Hugging Face's window counts the keys on both sides. Configurations of allenai's
    package count one side: their windows are doubled, and their dilation is kept.
    """
    arguments = shared.encoder_arguments(request)
    length = request.overrides.get("max_sequence_length")
    if length is not None:
        check_longer(length, arguments["max_sequence_length"])
    return {
        **arguments,
        **_window_arguments(request),
        # No task reads a pooler, and the task classes of `transformers` have none.
        "use_pooler": head.task == "backbone" and f"{shared.POOLER}.weight" in tensors,
    }


def check_longer(max_sequence_length: int, own_length: int) -> None:
    """Refuse a position table that is shorter than the checkpoint's."""
    length = whole_number("max_sequence_length", max_sequence_length, 1)
    if length < own_length:
        raise ValueError(
            f"`max_sequence_length` must be at least that of the model, {own_length}. "
            f"Received: max_sequence_length={max_sequence_length}"
        )


def adapt_tensors(
    request: LoadRequest, arguments: dict[str, Any], tensors: Tensors
) -> Tensors:
    """Make the position table as long as the model's; see `Family.adapt`."""
    return with_longer_table(arguments, tensors)


def with_longer_table(arguments: dict[str, Any], tensors: Tensors) -> Tensors:
    """Repeat the rows of the position table up to the length of the model."""
    table = tensors[shared.POSITION_EMBEDDINGS]
    first, length = arguments["padding_id"] + 1, arguments["max_sequence_length"]
    if table.shape[0] == first + length:
        return tensors
    longer = table.changed(
        (first + length, *table.shape[1:]),
        lambda rows: tiled_positions(rows, first, length),
    )
    return {**tensors, shared.POSITION_EMBEDDINGS: longer}


def _window_arguments(request: LoadRequest) -> dict[str, Any]:
    config = request.config
    window = config.get("attention_window", 512)
    mode = config.get("attention_mode")
    if mode not in _ALLENAI_MODES and "autoregressive" not in config:
        return {"attention_window": window}
    if mode not in (None, *_BANDED_MODES) or config.get("autoregressive"):
        raise CheckpointError(
            "The configuration is one of allenai's package, and only its two-sided "
            f"window is known here (attention_mode {' or '.join(_BANDED_MODES)}, not "
            f"autoregressive). Received: path={request.path}, "
            f"attention_mode={mode!r}, autoregressive={config.get('autoregressive')}"
        )
    windows = window if isinstance(window, list) else [window]
    if not all(type(one_side) is int for one_side in windows):
        raise request.impossible("attention_window")
    doubled = [2 * one_side for one_side in windows]
    return {
        "attention_window": doubled if isinstance(window, list) else doubled[0],
        "attention_dilation": config.get("attention_dilation", 1),
    }


def task_arguments(
    request: LoadRequest, head: Head, is_kept: bool, tokenizer: Any
) -> dict[str, Any]:
    return {
        "dropout": shared.head_dropout(request),
        "separator_id": shared.separator_id(request),
    }


def _config(model: Any, head: Head) -> dict[str, Any]:
    """The `config.json` of a backbone or a task."""
    backbone = getattr(model, "backbone", model)
    if not _is_undilated(backbone.attention_dilation):
        raise ValueError(
            "`attention_dilation` must be 1 everywhere: Hugging Face's Longformer has "
            f"no other. Received: attention_dilation={backbone.attention_dilation}"
        )
    window = backbone.attention_window
    first_position = backbone.padding_id + 1
    config = {
        "architectures": [FAMILY.architecture(head)],
        "attention_probs_dropout_prob": backbone.attention_dropout,
        "attention_window": window if isinstance(window, int) else list(window),
        "dtype": "float32",
        "hidden_act": shared.activation_name(backbone.activation),
        "hidden_dropout_prob": backbone.dropout,
        "hidden_size": backbone.hidden_dim,
        "initializer_range": 0.02,
        "intermediate_size": backbone.intermediate_dim,
        "layer_norm_eps": backbone.layer_norm_epsilon,
        "max_position_embeddings": backbone.max_sequence_length + first_position,
        "model_type": "longformer",
        "num_attention_heads": backbone.num_heads,
        "num_hidden_layers": backbone.num_layers,
        "pad_token_id": backbone.padding_id,
        "tie_word_embeddings": backbone.tie_embedding_weights,
        "type_vocab_size": backbone.num_segments,
        "vocab_size": backbone.vocabulary_size,
    }
    return config if backbone is model else {**config, **_task_config(model)}


def _task_config(model: Any) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if getattr(model, "pooling", "first") != "first":
        raise ValueError(
            '`pooling` must be "first": the head of Hugging Face\'s Longformer reads '
            f"the first token. Received: pooling={model.pooling!r}"
        )
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
    """Refuse a head that Hugging Face's Longformer lacks, such as a long BERT's."""
    epsilons = (None, model.backbone.layer_norm_epsilon)
    is_gelu = shared.activation_name(model.head_activation) == "gelu"
    if not is_gelu or model.head_layer_norm_epsilon not in epsilons:
        raise ValueError(
            "`head_activation` must be gelu, and `head_layer_norm_epsilon` that of the "
            "backbone: Hugging Face's Longformer has no others. Received: "
            f"head_activation={shared.activation_name(model.head_activation)}, "
            f"head_layer_norm_epsilon={model.head_layer_norm_epsilon}"
        )


def _is_undilated(dilation: Any) -> bool:
    if isinstance(dilation, list | tuple):
        return all(_is_undilated(entry) for entry in dilation)
    return dilation == 1


FAMILY = Family(
    name="Longformer",
    heads=(
        Head("backbone", LongformerBackbone),
        Head("masked_lm", LongformerMaskedLM, shared.MASKED_LM_HEAD),
        shared.two_layer_classifier(LongformerTextClassifier),
        Head(
            "question_answerer",
            LongformerQuestionAnswerer,
            tuple(dense_weights("qa_outputs", "output_dense")),
        ),
        shared.linear_classifier("token_classifier", LongformerTokenClassifier),
    ),
    names=shared.NAMES,
    shapes=shared.table_shapes,
    tied=replace(
        shared.TIED_OUTPUT,
        mapping=WeightMapping(
            shared.TIED_OUTPUT.weight,
            "backbone.token_embedding",
            "reverse_embeddings",
            transposed=True,
        ),
    ),
    arguments=_arguments,
    weights=backbone_weights,
    task_arguments=task_arguments,
    read_tokenizer=partial(read_tokenizer, kind=LongformerTokenizer),
    tokenizer=LongformerTokenizer,
    adapt=adapt_tensors,
    config=_config,
    write_tokenizer=write_tokenizer,
)
