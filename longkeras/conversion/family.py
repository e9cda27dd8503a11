"""The record that describes a family of checkpoints to the reader and the writer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.tensor_names import TensorNames, TiedOutput
from longkeras.conversion.weight_map import WeightMapping

# The endings of each task's class names in `transformers`; the first is written.
ENDINGS = {
    "backbone": ("Model",),
    "masked_lm": ("ForMaskedLM", "ForPreTraining"),
    "text_classifier": ("ForSequenceClassification",),
    "question_answerer": ("ForQuestionAnswering",),
    "token_classifier": ("ForTokenClassification",),
}


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
        """The head of a task given by its name, its class or a base of it."""
        for head in self.heads:
            is_class = isinstance(task, type) and issubclass(head.model, task)
            if task == head.task or is_class:
                return head
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
        is_model = any(kind is head.model for head in self.heads)
        return is_model or (tokenizer is self.tokenizer and tokenizer is not None)
