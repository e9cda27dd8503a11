"""Where BERT's and RoBERTa's tensors have their places in KerasHub's models."""

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from longkeras.conversion.encoder_names import POOLER
from longkeras.conversion.longformer_table import (
    POSITION_EMBEDDINGS,
    WORD_EMBEDDINGS,
    Head,
    in_task,
)
from longkeras.conversion.weight_places import (
    WeightPlace,
    dense_places,
    norm_places,
)

SEGMENT_EMBEDDINGS = "embeddings.token_type_embeddings.weight"
_NORMS = {
    "attention.output.LayerNorm": "self_attention_layer_norm",
    "output.LayerNorm": "feedforward_layer_norm",
}
_DENSES = {
    "intermediate.dense": "feedforward_intermediate_dense",
    "output.dense": "feedforward_output_dense",
}


@dataclass(frozen=True)
class HeadsPlace(WeightPlace):
    """A tensor whose weight has the heads on an axis of their own.

    Attributes:
        output_axes: int. How many of the weight's last axes are outputs: heads and
            their size, or what they are joined to. Defaults to `2`.
    """

    output_axes: int = 2

    def shape(self, model: Any) -> tuple[int, ...]:
        """The tensor's shape, by the model's weight."""
        shape = tuple(self.variable(model).shape)
        inputs, outputs = shape[: -self.output_axes], shape[-self.output_axes :]
        if not inputs:
            return (math.prod(outputs),)
        return (math.prod(outputs), math.prod(inputs))

    def assign(self, model: Any, values: np.ndarray) -> None:
        """Gives the model's weight the tensor's values."""
        variable = self.variable(model)
        values = self._turned(values).reshape(variable.shape)
        variable.assign(keras.ops.cast(values, variable.dtype))

    def values(self, model: Any) -> np.ndarray:
        """The tensor's values, float32, from the model's weight."""
        variable = keras.ops.cast(self.variable(model), "float32")
        values = keras.ops.convert_to_numpy(variable)
        return self._turned(values.reshape(self.shape(model)[::-1]))


def encoder_places(is_bert: bool, num_layers: int, head: Head) -> list[WeightPlace]:
    """The tensors of KerasHub's BERT, RoBERTa or XLM-R, by Longformer's names.

    The position table is without the rows of Hugging Face's RoBERTa that stand
    before its first text, and RoBERTa has no segments.

    Args:
        is_bert: bool. Whether the model is BERT.
        num_layers: int.
        head: `Head`. The tensors of a task's head come last, and those of its backbone
            have their places in the task.

    Returns:
        list of `WeightPlace`.
    """
    places = [
        WeightPlace(WORD_EMBEDDINGS, "token_embedding", "embeddings"),
        *norm_places("embeddings.LayerNorm", "embeddings_layer_norm"),
    ]
    if is_bert:
        places += [
            WeightPlace(POSITION_EMBEDDINGS, "position_embedding", "embeddings"),
            WeightPlace(SEGMENT_EMBEDDINGS, "segment_embedding", "embeddings"),
            *dense_places(POOLER, "pooled_dense"),
        ]
    else:
        places.append(
            WeightPlace(
                POSITION_EMBEDDINGS, "embeddings", "position_embedding/embeddings"
            )
        )
    for number in range(num_layers):
        places += _layer_places(number)
    if head.name == "backbone":
        return places
    return [*(in_task(place) for place in places), *encoder_head_places(is_bert, head)]


def encoder_head_places(is_bert: bool, head: Head) -> list[WeightPlace]:
    """The tensors of the head of a task of KerasHub's.

    Args:
        is_bert: bool. Whether the model is BERT.
        head: `Head`. Its attributes have the names of ours.

    Returns:
        list of `WeightPlace`.
    """
    if is_bert and head.name == "text_classifier":
        return dense_places("classifier", "output_dense")
    return list(head.places)


def _layer_places(number: int) -> list[WeightPlace]:
    theirs, ours = f"encoder.layer.{number}", f"transformer_layers.{number}"
    places: list[WeightPlace] = []
    for kind in ("query", "key", "value"):
        places += _heads_places(
            f"{theirs}.attention.self.{kind}", ours, f"self_attention_layer/{kind}"
        )
    places += _heads_places(
        f"{theirs}.attention.output.dense",
        ours,
        "self_attention_layer/attention_output",
        output_axes=1,
    )
    # All in one layer of KerasHub's, by the ends of their paths.
    for name, part in _NORMS.items():
        places += _inside(norm_places(f"{theirs}.{name}", ours), part)
    for name, part in _DENSES.items():
        places += _inside(dense_places(f"{theirs}.{name}", ours), part)
    return places


def _heads_places(
    tensor: str, layer: str, part: str, output_axes: int = 2
) -> list[WeightPlace]:
    return [
        HeadsPlace(f"{tensor}.weight", layer, f"{part}/kernel", True, output_axes),
        HeadsPlace(f"{tensor}.bias", layer, f"{part}/bias", output_axes=output_axes),
    ]


def _inside(places: list[WeightPlace], part: str) -> list[WeightPlace]:
    return [replace(place, weight=f"{part}/{place.weight}") for place in places]
