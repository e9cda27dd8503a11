"""Records that describe a family of checkpoints to the reader and the writer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import NamedTensor, Tensors
from longkeras.conversion.weight_map import WeightMapping

# The endings of each task's class names in `transformers`; the first is written.
ENDINGS = {
    "backbone": ("Model",),
    "masked_lm": ("ForMaskedLM", "ForPreTraining"),
    "text_classifier": ("ForSequenceClassification",),
    "question_answerer": ("ForQuestionAnswering",),
    "token_classifier": ("ForTokenClassification",),
}
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
class Head:
    """A task of a family.

    Attributes:
        task: str. A name that the argument `task` accepts.
        model: class of the task; of `"backbone"`, the backbone itself.
        weights: tuple of `WeightMapping`. The weights of the head.
        classes: str. The tensor whose first axis is the classes. Defaults to `None`,
            for a task without classes.
        pretrained: tuple of `WeightMapping`. Weights of the head that an encoder
            without this head may hold too, such as BERT's pooler.
    """

    task: str
    model: Any
    weights: tuple[WeightMapping, ...] = ()
    classes: str | None = None
    pretrained: tuple[WeightMapping, ...] = ()


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


@dataclass(frozen=True)
class Family:
    """A family of checkpoints, as the reader and the writer see it.

    Attributes:
        name: str. The beginning of its class names in `transformers`.
        heads: tuple of `Head`, the backbone first.
        names: `TensorNames`. The names of its tensors.
        shapes: function of a request. Returns the shapes of the largest tensors by
            name, according to `config.json`. They are checked before a model is made.
        tied: `TiedOutput`. The output projection that is the token embedding.
        arguments: function `(request, head, tensors)`. Returns the arguments of the
            backbone that follow from `config.json`.
        weights: function of a backbone, or of an object with its arguments as
            attributes. Returns the mappings of the backbone.
        task_arguments: function `(request, head, is_kept, tokenizer)`. Returns
            arguments of the task; the reader passes on those that its class takes.
            `is_kept` tells whether the head is the checkpoint's, and `tokenizer` is a
            function that returns the tokenizer or None.
        read_tokenizer: function of a folder. Returns the tokenizer, or None.
        tokenizer: class of the family's tokenizer. Defaults to `None`, KerasHub's.
        length_argument: str. The argument of preprocessors that limits a text.
            Defaults to `"max_sequence_length"`.
        adapt: function `(request, arguments, tensors)`. Returns the tensors in the
            form that the mappings expect, once they are checked. Defaults to `None`.
        adapted: tuple of str. Tensors that only `adapt` reads.
        pooler: str. The prefix of a layer that gets random weights, which is logged,
            where a checkpoint lacks it. Defaults to `None`.
        variant: function of a request. Returns the actual `model_type` of a checkpoint
            that is saved under another one, or None.
        refusal: function `(request, reason, **received)`. Returns the error for a
            checkpoint that the family's classes cannot represent. Defaults to `None`:
            they represent all.
        config: function `(model, head)`. Returns `config.json`. Defaults to `None`:
            the family is not written.
        write_tokenizer: function `(tokenizer, folder, max_sequence_length)`.
    """

    name: str
    heads: tuple[Head, ...]
    names: TensorNames
    shapes: Callable[[LoadRequest], dict[str, tuple[int, ...]]]
    tied: TiedOutput
    arguments: Callable[[LoadRequest, Head, Tensors], dict[str, Any]]
    weights: Callable[[Any], list[WeightMapping]]
    task_arguments: Callable[..., dict[str, Any]]
    read_tokenizer: Callable[[Path], Any]
    tokenizer: type | None = None
    length_argument: str = "max_sequence_length"
    adapt: Callable[[LoadRequest, dict[str, Any], Tensors], Tensors] | None = None
    adapted: tuple[str, ...] = ()
    pooler: str | None = None
    variant: Callable[[LoadRequest], str | None] | None = None
    refusal: Callable[..., ValueError] | None = None
    config: Callable[[Any, Head], dict[str, Any]] | None = None
    write_tokenizer: Callable[[Any, Path, int], None] | None = None

    @property
    def backbone(self) -> Any:
        """The class of the backbone."""
        return self.heads[0].model

    def weights_for(self, arguments: dict[str, Any]) -> list[WeightMapping]:
        """The mappings of a backbone that these arguments would make."""
        return self.weights(SimpleNamespace(**arguments))

    def head_for(self, task: type | str | None) -> Head | None:
        """The head of a task given by its name, its class, a base or a subclass."""
        for head in self.heads:
            is_class = isinstance(task, type) and issubclass(head.model, task)
            if task == head.task or is_class:
                return head
            if _is_subclass(task, head.model):
                return replace(head, model=task)
        return None

    def head_of_model(self, model: Any) -> Head | None:
        """The head of a model of the family, or None."""
        return next((x for x in self.heads if isinstance(model, x.model)), None)

    def architecture(self, head: Head) -> str:
        """The name of a head's class in `transformers`."""
        return f"{self.name}{ENDINGS[head.task][0]}"

    def makes(self, kind: Any) -> bool:
        """Return whether a model, tokenizer or preprocessor class is of this family."""
        tokenizer = getattr(kind, "tokenizer_cls", kind)
        is_model = _is_subclass(kind, tuple(head.model for head in self.heads))
        return is_model or _is_subclass(tokenizer, self.tokenizer or ())


def _is_subclass(kind: Any, bases: type | tuple[type, ...]) -> bool:
    """Return whether a class is one of the bases or a user's subclass of one.

    Some families of KerasHub's derive from others, as XLM-R does from RoBERTa.
    """
    if not isinstance(kind, type) or not issubclass(kind, bases):
        return False
    bases = bases if isinstance(bases, tuple) else (bases,)
    return kind in bases or not kind.__module__.startswith("keras_hub.")


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
