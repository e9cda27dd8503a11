"""Names of a family's tensors: canonical form, checks, and tied outputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor, Tensors
from longkeras.conversion.weight_map import WeightMapping

# Wrappers: `DataParallel`, `torch.compile`, a training module that holds the model as
# `model`. They may be nested.
_WRAPPERS = ("module.", "_orig_mod.", "model.")
# Ends of the names of buffers, which are not trained. `transformers` recomputes them.
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

    The canonical names, which the weight mappings use, are those of a bare encoder and
    of its heads. Dicts of tensors have canonical names as keys.

    Attributes:
        prefixes: tuple of str. Attributes of task classes that hold the encoder.
        renamed: dict from other beginnings of names to the canonical ones.
        endings: dict from other ends of names to the canonical ones.
        dropped: tuple of str. Beginnings of names that no model here reads.
        optional: tuple of str. Beginnings of names that a model may leave out.
        heads: frozenset of str. Tensors of all heads. A file may hold any of them
            beside those that are read.
        layer: str. The prefix before the number of a layer.
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

    def canonical_tensors(self, tensors: Tensors, folder: Path) -> Tensors:
        """Rename a file's tensors, without buffers and tensors that no model reads.

        Refuses two tensors that get the same name, and buffers with other positions or
        segments than the default ones.
        """
        renamed: Tensors = {}
        for name, tensor in tensors.items():
            new_name = self.canonical(name)
            if new_name.startswith(self.dropped):
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

    def check_layers(self, tensors: Tensors, num_layers: int, folder: Path) -> None:
        """Refuse tensors of more or fewer layers than the configuration says."""
        found = {
            name.removeprefix(self.layer).partition(".")[0]
            for name in tensors
            if name.startswith(self.layer)
        }
        if len(found) != num_layers:
            raise CheckpointError(
                f"The checkpoint has tensors of {len(found)} layers, and config.json "
                f"says {num_layers}. Received: path={folder}"
            )

    def check_names(
        self, tensors: Tensors, needed: Iterable[str], folder: Path
    ) -> None:
        """Refuse a checkpoint in which a needed tensor is missing or one is unknown."""
        needed = set(needed)
        missing = sorted(needed - set(tensors))
        # As the file names them: canonical names need not occur in it.
        unknown = sorted(
            tensors[name].name
            for name in set(tensors) - needed - self.heads
            if not name.startswith(self.optional)
        )
        if missing or unknown:
            raise CheckpointError(
                "The tensors are not those of the model that config.json describes. "
                f"Missing: {', '.join(missing) or 'none'}. "
                f"Unknown: {', '.join(unknown) or 'none'}. Received: path={folder}"
            )


@dataclass(frozen=True)
class TiedOutput:
    """An output projection that is tied to the token embedding, unless a file differs.

    Attributes:
        task: str. The task whose head it belongs to.
        weight: str. The projection's tensor.
        bias: str. Its bias.
        embeddings: str. The tensor that `weight` is a copy of where they are tied.
        tied_bias: str. The tensor that `bias` is a copy of.
        mapping: `WeightMapping`. The weight of an untied projection. Defaults to
            `None`: the family has no untied projection.
    """

    task: str
    weight: str
    bias: str
    embeddings: str
    tied_bias: str
    mapping: WeightMapping | None = None

    def settle(self, tensors: Tensors, config: dict[str, Any]) -> tuple[Tensors, bool]:
        """The tensors without copies of tied ones, and whether the output is untied.

        As in `transformers`, an output projection that differs from the embedding is
        untied, and the projection's own bias takes precedence.
        """
        settled = dict(tensors)
        output, bias = settled.get(self.weight), settled.pop(self.bias, None)
        is_untied = config.get("tie_word_embeddings") is False
        if output is not None and not is_untied:
            # Of two names for one tensor, safetensors may have kept either.
            embeddings = settled.setdefault(self.embeddings, output)
            is_untied = output.shape != embeddings.shape or not np.array_equal(
                output.read(), embeddings.read()
            )
        if not is_untied:
            settled.pop(self.weight, None)
        if bias is not None:
            settled[self.tied_bias] = bias
        return settled, is_untied


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
