"""The record that describes a family of checkpoints to the reader and the writer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from longkeras.conversion.checkpoint_tensors import TensorNames, Tensors, TiedOutput
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.weight_map import WeightMapping

# Tasks, and how the names of their classes in `transformers` end; the first is written.
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
        weights: tuple of `WeightMapping`. The head, which is new where the
            checkpoint's does not fit.
        classes: str. The tensor whose first axis counts the classes. Defaults to
            `None`, for a task without classes.
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
    """Everything that reading and writing needs to know of one family.

    Attributes:
        name: str. How the names of its classes in `transformers` begin.
        heads: tuple of `Head`, the backbone first.
        names: `TensorNames`. The names of its tensors.
        shapes: function of a request that gives the shapes of the largest tensors by
            name, as `config.json` says. They are checked before a model is made.
        tied: `TiedOutput`. The output projection that is the token embedding.
        arguments: function `(request, head, tensors)` that gives the arguments of the
            backbone which follow from `config.json`.
        weights: function of a backbone, or of an object with its arguments as
            attributes, that gives the mappings of the backbone.
        task_arguments: function `(request, head, is_kept, tokenizer)` that gives
            arguments of the task; the reader passes on those that its class takes.
            `is_kept` says whether the head is the checkpoint's, and `tokenizer` is a
            function that reads the tokenizer, or gives None.
        read_tokenizer: function of a folder that gives the tokenizer, or None.
        tokenizer: class of the family's tokenizer. Defaults to `None`, KerasHub's.
        length_argument: str. The argument of preprocessors that limits a text.
            Defaults to `"max_sequence_length"`.
        adapt: function `(request, arguments, tensors)` that changes tensors into what
            the mappings expect, once they are checked. Defaults to `None`.
        adapted: tuple of str. Tensors that `adapt` uses up.
        pooler: str. How the names of a layer begin that gets random weights where a
            checkpoint lacks it, which is logged. Defaults to `None`.
        variant: function of a request that gives the `model_type` of a checkpoint
            that calls itself by another one, or None.
        refusal: function `(request, reason, **received)` that makes the error for what
            the family's classes cannot hold. Defaults to `None`: they hold everything.
        config: function `(model, head)` that gives `config.json`. Defaults to `None`:
            the family is not written.
        write_tokenizer: function `(tokenizer, folder, max_sequence_length)`.
    """

    name: str
    heads: tuple[Head, ...]
    names: TensorNames
    shapes: Callable[[ModelRequest], dict[str, tuple[int, ...]]]
    tied: TiedOutput
    arguments: Callable[[ModelRequest, Head, Tensors], dict[str, Any]]
    weights: Callable[[Any], list[WeightMapping]]
    task_arguments: Callable[..., dict[str, Any]]
    read_tokenizer: Callable[[Path], Any]
    tokenizer: type | None = None
    length_argument: str = "max_sequence_length"
    adapt: Callable[[ModelRequest, dict[str, Any], Tensors], Tensors] | None = None
    adapted: tuple[str, ...] = ()
    pooler: str | None = None
    variant: Callable[[ModelRequest], str | None] | None = None
    refusal: Callable[..., ValueError] | None = None
    config: Callable[[Any, Head], dict[str, Any]] | None = None
    write_tokenizer: Callable[[Any, Path, int], None] | None = None

    @property
    def backbone(self) -> Any:
        """The class of the backbone."""
        return self.heads[0].model

    def weights_for(self, arguments: dict[str, Any]) -> list[WeightMapping]:
        """The mappings of a backbone that has yet to be made of its arguments."""
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
        """The class in `transformers`."""
        return f"{self.name}{ENDINGS[head.task][0]}"

    def makes(self, kind: Any) -> bool:
        """Return whether a class is a model, tokenizer or preprocessor of the family.

        Args:
            kind: a class, or whatever else `task` may be.

        Returns:
            bool.
        """
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
