"""Checks that each tensor of a checkpoint is accounted for, and has its size."""

from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.longformer_table import (
    DECODER_BIAS,
    DECODER_WEIGHT,
    HEAD_BIAS,
    HEADS,
    POSITION_EMBEDDINGS,
    WORD_EMBEDDINGS,
)
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_names import Tensors
from longkeras.conversion.weight_places import WeightPlace

_LAYER = "encoder.layer."


def with_settled_output(
    tensors: Tensors, config: dict[str, Any]
) -> tuple[Tensors, bool]:
    """Leaves copies of tied weights out, and says whether the output is untied.

    As in `transformers`, an output projection that is not the copy that it is called
    is one of its own, and its own bias is the one that counts.

    Args:
        tensors: dict of `NamedTensor` by name.
        config: dict. Of `config.json`.

    Returns:
        (tensors, is_untied).
    """
    settled = dict(tensors)
    decoder, bias = settled.get(DECODER_WEIGHT), settled.pop(DECODER_BIAS, None)
    is_untied = config.get("tie_word_embeddings") is False
    if decoder is not None and not is_untied:
        # Of two names for one tensor, safetensors may have kept either.
        settled.setdefault(WORD_EMBEDDINGS, decoder)
    if decoder is not None and not is_untied:
        is_untied = not _are_equal(decoder, settled.get(WORD_EMBEDDINGS))
    if not is_untied:
        settled.pop(DECODER_WEIGHT, None)
    if bias is not None:
        settled[HEAD_BIAS] = bias
    return settled, is_untied


def check_layers(tensors: Tensors, num_layers: int, folder: Path) -> None:
    """There are as many layers as the configuration says.

    Args:
        tensors: dict of `NamedTensor` by name.
        num_layers: int.
        folder: path, for messages.

    Raises:
        CheckpointError: If there are more or fewer.
    """
    found = {
        name.removeprefix(_LAYER).partition(".")[0]
        for name in tensors
        if name.startswith(_LAYER)
    }
    if len(found) != num_layers:
        raise CheckpointError(
            f"The checkpoint has tensors of {len(found)} layers, and config.json says "
            f"{num_layers}. Received: path={folder}"
        )


def check_names(tensors: Tensors, places: list[WeightPlace], folder: Path) -> None:
    """Every tensor that the model needs is there, and none that nobody knows.

    Tensors of another task's head may be there.

    Args:
        tensors: dict of `NamedTensor` by name.
        places: list of `WeightPlace`, all that the model has.
        folder: path, for messages.

    Raises:
        CheckpointError: If a tensor is missing or unknown.
    """
    needed = {place.tensor for place in places}
    of_heads = {place.tensor for head in HEADS for place in head.places}
    missing = sorted(needed - set(tensors))
    unknown = set(tensors) - needed - of_heads - {DECODER_WEIGHT}
    # By the names in the file: those without a prefix need not occur there.
    unknown = sorted(tensors[name].name for name in unknown)
    if missing or unknown:
        raise CheckpointError(
            "The tensors are not those of the model that config.json describes. "
            f"Missing: {', '.join(missing) or 'none'}. "
            f"Unknown: {', '.join(unknown) or 'none'}. Received: path={folder}"
        )


def check_tables(tensors: Tensors, arguments: dict[str, Any]) -> None:
    """The largest sizes are those of the file, before a model is made of them.

    Args:
        tensors: dict of `NamedTensor` by name.
        arguments: dict. Of `LongformerBackbone`.

    Raises:
        CheckpointError: If config.json and the tensors differ.
    """
    hidden_dim = arguments["hidden_dim"]
    positions = arguments["padding_id"] + 1 + arguments["max_sequence_length"]
    expected = {
        WORD_EMBEDDINGS: (arguments["vocabulary_size"], hidden_dim),
        POSITION_EMBEDDINGS: (positions, hidden_dim),
        "embeddings.token_type_embeddings.weight": (
            arguments["num_segments"],
            hidden_dim,
        ),
        "encoder.layer.0.intermediate.dense.bias": (arguments["intermediate_dim"],),
    }
    for name, shape in expected.items():
        if name in tensors:
            check_shape(tensors[name], shape)


def check_shape(tensor: NamedTensor, shape: tuple[int, ...]) -> None:
    """The tensor has the shape that the configuration says.

    Args:
        tensor: `NamedTensor`.
        shape: tuple of int.

    Raises:
        CheckpointError: If it has another, or holds no real numbers.
    """
    if tensor.shape != shape:
        raise CheckpointError(
            f"The tensor has shape {tensor.shape}, and by config.json {shape}. "
            f"Received: path={tensor.path}, tensor={tensor.name}"
        )
    if tensor.dtype.kind not in "fV" or tensor.dtype.itemsize < 2:
        raise CheckpointError(
            f"The tensor holds {tensor.dtype}, and a weight holds real numbers. "
            f"Received: path={tensor.path}, tensor={tensor.name}"
        )


def _are_equal(tensor: NamedTensor, other: NamedTensor | None) -> bool:
    if other is None or tensor.shape != other.shape:
        return False
    return np.array_equal(tensor.read(), other.read())
