"""Longformer's tensors: the one table that reading and writing share."""

from dataclasses import dataclass, replace
from typing import Any

from longkeras.conversion.weight_places import (
    WeightPlace,
    dense_places,
    norm_places,
)
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm import LongformerMaskedLM
from longkeras.models.longformer.question_answerer import LongformerQuestionAnswerer
from longkeras.models.longformer.text_classifier import LongformerTextClassifier
from longkeras.models.longformer.token_classifier import LongformerTokenClassifier

WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
POSITION_EMBEDDINGS = "embeddings.position_embeddings.weight"
DECODER_WEIGHT = "lm_head.decoder.weight"
DECODER_BIAS = "lm_head.decoder.bias"
HEAD_BIAS = "lm_head.bias"
_ATTENTION = {
    "query": "query_dense",
    "key": "key_dense",
    "value": "value_dense",
    "query_global": "global_query_dense",
    "key_global": "global_key_dense",
    "value_global": "global_value_dense",
}
# What an activation has in each layer, and the weights that they are here.
_ACTIVATIONS = {
    "prelu": {"weight": "slope"},
    "xielu": {name: name for name in ("alpha_p", "alpha_n", "beta", "eps")},
}


@dataclass(frozen=True)
class Head:
    """A task: our class, Hugging Face's, and the tensors of its head.

    Attributes:
        name: str. What `task` may say.
        kind: The class of the model.
        architecture: str. The class in `transformers`.
        places: tuple of `WeightPlace`.
        output: str. The tensor that has one row a class, or None.
    """

    name: str
    kind: type
    architecture: str
    places: tuple[WeightPlace, ...] = ()
    output: str | None = None

    @property
    def has_classes(self) -> bool:
        """Whether the checkpoint says how many outputs it has."""
        return self.output is not None


_MLM_HEAD = (
    WeightPlace(
        "lm_head.dense.weight", "masked_lm_head", "intermediate_dense/kernel", True
    ),
    WeightPlace("lm_head.dense.bias", "masked_lm_head", "intermediate_dense/bias"),
    WeightPlace(
        "lm_head.layer_norm.weight", "masked_lm_head", "intermediate_layer_norm/gamma"
    ),
    WeightPlace(
        "lm_head.layer_norm.bias", "masked_lm_head", "intermediate_layer_norm/beta"
    ),
    WeightPlace(HEAD_BIAS, "masked_lm_head", "output_bias"),
)
_UNTIED_DECODER = WeightPlace(
    DECODER_WEIGHT, "backbone.token_embedding", "reverse_embeddings", transposed=True
)

HEADS = (
    Head("backbone", LongformerBackbone, "LongformerModel"),
    Head("masked_lm", LongformerMaskedLM, "LongformerForMaskedLM", _MLM_HEAD),
    Head(
        "text_classifier",
        LongformerTextClassifier,
        "LongformerForSequenceClassification",
        (
            *dense_places("classifier.dense", "pooled_dense"),
            *dense_places("classifier.out_proj", "output_dense"),
        ),
        output="classifier.out_proj.weight",
    ),
    Head(
        "question_answerer",
        LongformerQuestionAnswerer,
        "LongformerForQuestionAnswering",
        tuple(dense_places("qa_outputs", "output_dense")),
    ),
    Head(
        "token_classifier",
        LongformerTokenClassifier,
        "LongformerForTokenClassification",
        tuple(dense_places("classifier", "output_dense")),
        output="classifier.weight",
    ),
)


def backbone_places(
    num_layers: int, use_pooler: bool, activation: Any = None
) -> list[WeightPlace]:
    """The tensors of a backbone, with the names of a bare `LongformerModel`.

    Args:
        num_layers: int.
        use_pooler: bool.
        activation: of the backbone. Defaults to `None`, one without weights.

    Returns:
        list of `WeightPlace`.
    """
    of_activation = {}
    if isinstance(activation, str):
        of_activation = _ACTIVATIONS.get(activation, {})
    places = [
        WeightPlace(WORD_EMBEDDINGS, "token_embedding", "embeddings"),
        WeightPlace(POSITION_EMBEDDINGS, "position_embedding", "embeddings"),
        WeightPlace(
            "embeddings.token_type_embeddings.weight", "segment_embedding", "embeddings"
        ),
        *norm_places("embeddings.LayerNorm", "embeddings_layer_norm"),
    ]
    for number in range(num_layers):
        places += _layer_places(number, of_activation)
    if use_pooler:
        places += dense_places("pooler.dense", "pooler_dense")
    return places


def places_of(backbone: Any) -> list[WeightPlace]:
    """`backbone_places` of a `LongformerBackbone`."""
    return backbone_places(
        backbone.num_layers, backbone.use_pooler, backbone.activation
    )


def head_places(head: Head, is_untied: bool = False) -> list[WeightPlace]:
    """The tensors of a head.

    Args:
        head: `Head`.
        is_untied: bool. Whether a masked language model's output projection is not
            the token embedding. Defaults to `False`.

    Returns:
        list of `WeightPlace`.
    """
    return [*head.places, *[_UNTIED_DECODER] * is_untied]


def task_places(backbone: Any) -> list[WeightPlace]:
    """The tensors of a backbone inside a task, which reads no pooler.

    The task classes of `transformers` have none, and call one unexpected.

    Args:
        backbone: `LongformerBackbone`.

    Returns:
        list of `WeightPlace`.
    """
    places = backbone_places(backbone.num_layers, False, backbone.activation)
    return [in_task(place) for place in places]


def in_task(place: WeightPlace) -> WeightPlace:
    """A backbone's tensor where the model is a task."""
    return replace(place, layer=f"backbone.{place.layer}")


def head_of_model(model: Any) -> Head | None:
    """The row of the table that a model belongs to, or None."""
    return next((head for head in HEADS if isinstance(model, head.kind)), None)


def _layer_places(number: int, of_activation: dict[str, str]) -> list[WeightPlace]:
    theirs, ours = f"encoder.layer.{number}", f"transformer_layers.{number}"
    places = []
    for their_name, our_name in _ATTENTION.items():
        places += dense_places(
            f"{theirs}.attention.self.{their_name}", f"{ours}.attention.{our_name}"
        )
    return [
        *places,
        *dense_places(
            f"{theirs}.attention.output.dense", f"{ours}.attention.output_dense"
        ),
        *norm_places(f"{theirs}.attention.output.LayerNorm", f"{ours}.attention_norm"),
        *dense_places(f"{theirs}.intermediate.dense", f"{ours}.intermediate_dense"),
        *(
            WeightPlace(
                f"{theirs}.intermediate.intermediate_act_fn.{their_name}",
                f"{ours}.activation_layer",
                our_name,
            )
            for their_name, our_name in of_activation.items()
        ),
        *dense_places(f"{theirs}.output.dense", f"{ours}.output_dense"),
        *norm_places(f"{theirs}.output.LayerNorm", f"{ours}.output_norm"),
    ]
