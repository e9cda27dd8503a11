"""A short encoder, wherever it comes from, in the terms of a Longformer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from longkeras.conversion.encoder_names import with_global_copies
from longkeras.conversion.longformer_table import (
    POSITION_EMBEDDINGS,
    Head,
    head_places,
    in_task,
    places_of,
)
from longkeras.conversion.longformer_tensors import Tensors, check_shape
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.models import LongformerBackbone
from longkeras.models.first_weights import weights_to_be_loaded
from longkeras.models.longformer.longer_positions import tiled_positions


@dataclass(frozen=True)
class EncoderSource:
    """BERT, RoBERTa or XLM-R.

    Attributes:
        arguments: dict. Of `LongformerBackbone`, without its window; the
            `max_sequence_length` is the short one.
        tensors: dict of `NamedTensor` by Longformer's names. The position table
            has `padding_id + 1` rows before that of a text's first token.
        head: `Head`.
        task_arguments: dict. Of the task, without backbone and preprocessor.
        tokenizer: `LongformerTokenizer`, or None.
    """

    arguments: dict[str, Any]
    tensors: Tensors
    head: Head
    task_arguments: dict[str, Any] = field(default_factory=dict)
    tokenizer: Any = None


def longformer_of(
    source: EncoderSource, max_sequence_length: int, attention_window: int | list[int]
) -> Any:
    """Makes the Longformer.

    Args:
        source: `EncoderSource`.
        max_sequence_length: int.
        attention_window: int, or list of one per layer.

    Returns:
        A backbone or a task of ours.

    Raises:
        ValueError: If the new position table would be shorter than the old one.
    """
    short = source.arguments["max_sequence_length"]
    if max_sequence_length < short:
        raise ValueError(
            f"`max_sequence_length` must be at least that of the model, {short}. "
            f"Received: max_sequence_length={max_sequence_length}"
        )
    arguments = {
        **source.arguments,
        "max_sequence_length": max_sequence_length,
        "attention_window": attention_window,
    }
    with weights_to_be_loaded():
        backbone = LongformerBackbone(**arguments)
    model, places = backbone, places_of(backbone)
    if source.head.name != "backbone":
        model = _task(source, backbone)
        is_untied = not backbone.tie_embedding_weights
        places = [in_task(place) for place in places]
        places += head_places(source.head, is_untied)
    tensors = with_global_copies(source.tensors)
    first_position = backbone.padding_id + 1
    tensors[POSITION_EMBEDDINGS] = changed(
        tensors[POSITION_EMBEDDINGS],
        (first_position + max_sequence_length, backbone.hidden_dim),
        lambda rows: tiled_positions(rows, first_position, max_sequence_length),
    )
    assign_all(model, places, tensors)
    return model


def changed(
    tensor: NamedTensor,
    shape: tuple[int, ...],
    change: Callable[[np.ndarray], np.ndarray],
) -> NamedTensor:
    """A tensor that is another one changed, when it is read.

    Args:
        tensor: `NamedTensor`.
        shape: tuple of int. The new one's.
        change: function of an array that gives the new one.

    Returns:
        `NamedTensor`.
    """

    def read() -> np.ndarray:
        return change(np.array(tensor.read(), "float32"))

    return replace(tensor, shape=shape, dtype=np.dtype("float32"), read=read)


def assign_all(model: Any, places: list[Any], tensors: Tensors) -> None:
    """Gives each weight its tensor's values.

    Args:
        model: A backbone or a task.
        places: list of `WeightPlace`.
        tensors: dict of `NamedTensor` by name.

    Raises:
        CheckpointError: If a tensor has another shape than the weight.
    """
    for place in places:
        tensor = tensors[place.tensor]
        check_shape(tensor, place.shape(model))
        place.assign(model, tensor.read())


def _task(source: EncoderSource, backbone: Any) -> Any:
    preprocessor = None
    if source.tokenizer is not None:
        preprocessor = source.head.kind.preprocessor_cls(
            source.tokenizer, max_sequence_length=backbone.max_sequence_length
        )
    return source.head.kind(
        backbone=backbone, preprocessor=preprocessor, **source.task_arguments
    )
