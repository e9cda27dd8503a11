"""A short encoder, wherever it comes from, in the terms of a Longformer."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from longkeras.argument_checks import whole_number
from longkeras.conversion.encoder_names import with_global_copies
from longkeras.conversion.longformer_table import (
    POSITION_EMBEDDINGS,
    Head,
    places_of,
    task_places,
)
from longkeras.conversion.longformer_tensors import check_shape
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_names import Tensors
from longkeras.conversion.weight_places import WeightPlace
from longkeras.models import LongformerBackbone
from longkeras.models.base.initializers import weights_to_be_loaded
from longkeras.models.longformer.longer_positions import tiled_positions


@dataclass(frozen=True)
class EncoderSource:
    """BERT, RoBERTa or XLM-R.

    Attributes:
        arguments: dict. Of `LongformerBackbone`, without its window; the
            `max_sequence_length` is the short one.
        tensors: dict of `NamedTensor` by Longformer's names. The position table
            has `padding_id + 1` rows before that of a text's first token. Empty
            where no weights are wanted.
        head: `Head`.
        head_places: list of `WeightPlace`. The tensors of the head that are read;
            the rest of it is new.
        task_arguments: dict. Of the task, without its backbone.
        tokenizer: `LongformerTokenizer`, or None.
    """

    arguments: dict[str, Any]
    tensors: Tensors
    head: Head
    head_places: list[WeightPlace]
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
    arguments = {
        **source.arguments,
        "max_sequence_length": max_sequence_length,
        "attention_window": attention_window,
    }
    old_length = source.arguments["max_sequence_length"]
    check_longer(max_sequence_length, old_length)
    are_loaded = bool(source.tensors)
    with weights_to_be_loaded() if are_loaded else nullcontext():
        backbone = LongformerBackbone(**arguments)
    model, places = backbone, places_of(backbone)
    if source.head.name != "backbone":
        model = _task(source, backbone)
        places = [*task_places(backbone), *source.head_places]
    if are_loaded:
        tensors = with_longer_table(with_global_copies(source.tensors), backbone)
        assign_all(model, places, tensors)
    return model


def check_longer(max_sequence_length: int, old_length: int) -> None:
    """Refuse a position table that is shorter than the checkpoint's.

    Args:
        max_sequence_length: int. The length that is wanted.
        old_length: int. That of the checkpoint.

    Raises:
        ValueError: If the former is less.
    """
    length = whole_number("max_sequence_length", max_sequence_length, 1)
    if length < old_length:
        raise ValueError(
            f"`max_sequence_length` must be at least that of the model, {old_length}. "
            f"Received: max_sequence_length={max_sequence_length}"
        )


def with_longer_table(tensors: Tensors, backbone: Any) -> Tensors:
    """A position table of the backbone's length, its rows repeated.

    Args:
        tensors: dict of `NamedTensor` by name.
        backbone: `LongformerBackbone`.

    Returns:
        dict of `NamedTensor` by name.
    """
    table = tensors[POSITION_EMBEDDINGS]
    first_position = backbone.padding_id + 1
    length = backbone.max_sequence_length
    if table.shape[0] == first_position + length:
        return tensors
    longer = changed(
        table,
        (first_position + length, *table.shape[1:]),
        lambda rows: tiled_positions(rows, first_position, length),
    )
    return {**tensors, POSITION_EMBEDDINGS: longer}


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
    arguments = dict(source.task_arguments)
    if "preprocessor" not in arguments and source.tokenizer is not None:
        arguments["preprocessor"] = source.head.kind.preprocessor_cls(
            source.tokenizer, max_sequence_length=backbone.max_sequence_length
        )
    return source.head.kind(backbone=backbone, **arguments)
