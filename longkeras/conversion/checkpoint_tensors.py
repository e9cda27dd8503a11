"""Tensors of a checkpoint under canonical names, checked before a model is made."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.weight_map import WeightMapping

Tensors = dict[str, NamedTensor]

# Wrappers: `DataParallel`, `torch.compile`, a training module that holds the model as
# `model`. They may be nested.
_WRAPPERS = ("module.", "_orig_mod.", "model.")
# State that is not learnt, by the ends of its names. `transformers` recomputes it.
_BUFFERS = (
    "position_ids",
    "token_type_ids",
    "attn.bias",
    "attn.masked_bias",
    "rotary_emb.inv_freq",
    "num_batches_tracked",
)


@dataclass(frozen=True)
class TensorNames:
    """Names of the tensors in the checkpoints of a family.

    The canonical names, to which the mappings refer, are those of a bare encoder and
    of its heads.

    Attributes:
        prefixes: tuple of str. Attributes of task classes that hold the encoder.
        renamed: dict of other beginnings of names to the canonical ones.
        endings: dict of other ends of names to the canonical ones.
        dropped: tuple of str. Beginnings of names that no model here reads.
        optional: tuple of str. Beginnings of names that a model may leave out.
        heads: frozenset of str. Tensors of all heads, any of which a file may hold
            beside those that are read.
        layer: str. What stands before the number of a layer.
        task_prefix: str. The prefix with which a task's checkpoint is written.
    """

    prefixes: tuple[str, ...]
    renamed: dict[str, str]
    endings: dict[str, str]
    dropped: tuple[str, ...]
    optional: tuple[str, ...]
    heads: frozenset[str]
    layer: str
    task_prefix: str

    def canonical(self, name: str) -> str:
        """The canonical name of a tensor."""
        prefixes = (*_WRAPPERS, *self.prefixes)
        while prefix := next((x for x in prefixes if name.startswith(x)), ""):
            name = name.removeprefix(prefix)
        for theirs, ours in self.renamed.items():
            if name.startswith(theirs):
                name = ours + name.removeprefix(theirs)
        for theirs, ours in self.endings.items():
            if name.endswith(theirs):
                name = name.removesuffix(theirs) + ours
        return name


@dataclass(frozen=True)
class TiedOutput:
    """An output projection that is the token embedding, unless a file says otherwise.

    Attributes:
        task: str. The task whose head it belongs to.
        weight: str. The projection's tensor.
        bias: str. Its bias.
        embeddings: str. The tensor that `weight` is a copy of where they are tied.
        tied_bias: str. The tensor that `bias` is a copy of.
        mapping: `WeightMapping`. The weight of a projection that is not tied. Defaults
            to `None`: the family cannot hold one.
    """

    task: str
    weight: str
    bias: str
    embeddings: str
    tied_bias: str
    mapping: WeightMapping | None = None


def canonical_tensors(tensors: Tensors, names: TensorNames, folder: Path) -> Tensors:
    """Rename the tensors of a file, leaving out buffers and what no model reads.

    Args:
        tensors: dict of `NamedTensor` by name, as the files name them.
        names: `TensorNames`.
        folder: path, for messages.

    Returns:
        dict of `NamedTensor` by canonical name.

    Raises:
        CheckpointError: If two tensors get the same name, or a buffer holds other
            positions or segments than the usual ones.
    """
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        new_name = names.canonical(name)
        if new_name.startswith(names.dropped):
            continue
        if any(f".{new_name}".endswith(f".{buffer}") for buffer in _BUFFERS):
            _check_buffer(tensor)
            continue
        if new_name in renamed:
            raise CheckpointError(
                "The checkpoint holds a tensor twice, under two names. Received: "
                f"path={folder}, tensors={renamed[new_name].name} and {tensor.name}"
            )
        renamed[new_name] = tensor
    return renamed


def settle_output(
    tensors: Tensors, tied: TiedOutput, config: dict[str, Any]
) -> tuple[Tensors, bool]:
    """Leave out copies of tied weights, and tell whether the output is untied.

    As in `transformers`, an output projection that differs from the embedding is not
    tied to it, and the projection's own bias takes precedence.

    Args:
        tensors: dict of `NamedTensor` by canonical name.
        tied: `TiedOutput`.
        config: dict. The `config.json`.

    Returns:
        (tensors, is_untied).
    """
    settled = dict(tensors)
    output, bias = settled.get(tied.weight), settled.pop(tied.bias, None)
    is_untied = config.get("tie_word_embeddings") is False
    if output is not None and not is_untied:
        # Of two names for one tensor, safetensors may have kept either.
        embeddings = settled.setdefault(tied.embeddings, output)
        is_untied = output.shape != embeddings.shape or not np.array_equal(
            output.read(), embeddings.read()
        )
    if not is_untied:
        settled.pop(tied.weight, None)
    if bias is not None:
        settled[tied.tied_bias] = bias
    return settled, is_untied


def check_layers(
    tensors: Tensors, names: TensorNames, num_layers: int, folder: Path
) -> None:
    """Refuse tensors of more or fewer layers than the configuration says.

    Args:
        tensors: dict of `NamedTensor` by canonical name.
        names: `TensorNames`.
        num_layers: int.
        folder: path, for messages.

    Raises:
        CheckpointError: If the numbers differ.
    """
    found = {
        name.removeprefix(names.layer).partition(".")[0]
        for name in tensors
        if name.startswith(names.layer)
    }
    if len(found) != num_layers:
        raise CheckpointError(
            f"The checkpoint has tensors of {len(found)} layers, and config.json says "
            f"{num_layers}. Received: path={folder}"
        )


def check_names(
    tensors: Tensors, needed: Iterable[str], names: TensorNames, folder: Path
) -> None:
    """Refuse missing tensors, and unknown ones.

    Args:
        tensors: dict of `NamedTensor` by canonical name.
        needed: iterable of str. The tensors that are read.
        names: `TensorNames`.
        folder: path, for messages.

    Raises:
        CheckpointError: If a tensor is missing or unknown.
    """
    needed = set(needed)
    missing = sorted(needed - set(tensors))
    # By the names in the file: those without a prefix need not occur there.
    unknown = sorted(
        tensors[name].name
        for name in set(tensors) - needed - names.heads
        if not name.startswith(names.optional)
    )
    if missing or unknown:
        raise CheckpointError(
            "The tensors are not those of the model that config.json describes. "
            f"Missing: {', '.join(missing) or 'none'}. "
            f"Unknown: {', '.join(unknown) or 'none'}. Received: path={folder}"
        )


def check_shape(tensor: NamedTensor, shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape, or one that holds no real numbers.

    Args:
        tensor: `NamedTensor`.
        shape: tuple of int. The shape that follows from the configuration.

    Raises:
        CheckpointError: If it does not fit.
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


def assign_weights(
    model: Any, weights: Iterable[WeightMapping], tensors: Tensors
) -> None:
    """Set each mapped weight of a model to its tensor.

    Args:
        model: a backbone or a task.
        weights: iterable of `WeightMapping`.
        tensors: dict of `NamedTensor` by canonical name.

    Raises:
        CheckpointError: If a tensor has another shape than its weight.
    """
    for mapping in weights:
        tensor = tensors[mapping.tensor]
        check_shape(tensor, mapping.shape(model))
        mapping.assign(model, tensor.read())


def model_tensor(name: str, mapping: WeightMapping, model: Any) -> NamedTensor:
    """A weight of a model as a tensor, read when its values are wanted."""
    return NamedTensor(
        name,
        np.dtype("float32"),
        mapping.shape(model),
        lambda: mapping.values(model),
    )


def changed(
    tensor: NamedTensor,
    shape: tuple[int, ...],
    change: Callable[[np.ndarray], np.ndarray],
) -> NamedTensor:
    """A tensor that is computed from another one when it is read.

    Args:
        tensor: `NamedTensor`.
        shape: tuple of int. The new shape.
        change: function of the old values that gives the new ones.

    Returns:
        `NamedTensor`, float32.
    """

    def read() -> np.ndarray:
        return change(np.array(tensor.read(), "float32"))

    return replace(tensor, shape=shape, dtype=np.dtype("float32"), read=read)


def _check_buffer(tensor: NamedTensor) -> None:
    """Refuse positions that are not 0, 1, 2 ..., and segments that are not 0."""
    is_positions = tensor.name.endswith("position_ids")
    if not is_positions and not tensor.name.endswith("token_type_ids"):
        return
    values = tensor.read().ravel()
    usual = np.arange(values.size) if is_positions else np.zeros(values.size)
    if not np.array_equal(values, usual):
        rule = "0, 1, 2 ..." if is_positions else "zeros"
        raise CheckpointError(
            f"The checkpoint stores `{tensor.name}`, which must be {rule}: no other "
            f"values are supported. Received: path={tensor.path}"
        )
