"""Models from Hugging Face checkpoints."""

import functools
import logging
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_folder import (
    has_tokenizer,
    local_folder,
    read_config,
    read_object,
    read_tokenizer,
)
from longkeras.conversion.families import family_that_makes, preset_reader
from longkeras.conversion.family import Family, Head
from longkeras.conversion.head_choice import (
    HeadChoice,
    choose_head,
    log_new_head,
    wanted_head,
)
from longkeras.conversion.load_request import LoadRequest, constructor_arguments
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.weight_map import WeightMapping
from longkeras.models.base.arguments import check_supported
from longkeras.models.base.initializers import weights_to_be_loaded
from longkeras.safe_files.preset_layout import (
    CONFIG_FILE,
    HUB_PREFIX,
    check_checkpoint_folder,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelParts:
    """The classes, arguments and weights of a model, from a checked checkpoint.

    Attributes:
        family: `Family`.
        head: `Head`.
        arguments: dict. Of the backbone.
        task_arguments: dict. Of the task, without its backbone.
        weights: list of `WeightMapping`. Of the backbone; empty without weights.
        head_weights: list of `WeightMapping`. Of the head.
        tensors: dict of `NamedTensor` by canonical name.
    """

    family: Family
    head: Head
    arguments: dict[str, Any]
    task_arguments: dict[str, Any]
    weights: list[WeightMapping]
    head_weights: list[WeightMapping]
    tensors: Tensors

    def backbone(self) -> Any:
        """A new backbone, whose weights are zeros if they are still to be assigned."""
        with weights_to_be_loaded() if self.weights else nullcontext():
            is_backbone = self.head.task == "backbone"
            kind = self.head.model if is_backbone else self.family.backbone
            return kind(**self.arguments)

    def model(self, backbone: Any) -> Any:
        """The model on that backbone, with its weights assigned."""
        model, weights = backbone, self.weights
        if self.head.task != "backbone":
            model = self.head.model(backbone=backbone, **self.task_arguments)
            weights = [*(mapping.in_task() for mapping in weights), *self.head_weights]
        for mapping in weights:
            mapping.assign(model, self.tensors[mapping.tensor])
        return model


def from_huggingface(
    path_or_handle: str | os.PathLike[str],
    task: type | str | None = None,
    load_weights: bool = True,
    **overrides: Any,
) -> Any:
    """Makes a model from a Hugging Face checkpoint, in a folder or on the Hub.

    Longformer checkpoints may come from current or older versions of `transformers`,
    be models made long from RoBERTa (`"model_type": "roberta"` with an
    `attention_window`), or have a configuration of allenai's own package, whose windows
    of one side are doubled and whose dilation is kept. Weights are `model.safetensors`
    or `pytorch_model.bin`, in one or several files and any precision; code in a file is
    never run. Every tensor of the checkpoint is read or named in an error, except for
    other tasks' heads, buffers, and the pooler of a task. An untied output is kept.

    RoBERTa, BERT (Chinese BERT and RoBERTa-wwm too) and XLM-R become KerasHub's
    classes, with the outputs of `transformers` where padding follows the text: KerasHub
    counts positions over padding, RoBERTa in `transformers` does not. BERT is
    `longkeras.models.ExactBertBackbone`, which has the activation and epsilon of the
    checkpoint. RoBERTa's token type is added to its positions. RoBERTa's pooler and
    BERT's next-sentence head are left out. Checkpoints that KerasHub's classes cannot
    represent are refused: `convert_to_long` makes a Longformer of them, and so does a
    Longformer class as `task`.

    The checkpoint's head is kept if it is that of the task and has the requested number
    of classes. Otherwise the head is new, with random weights, and a line in the log
    says so. The tokenizer, if there is one, becomes part of the task's preprocessor.

    Args:
        path_or_handle: str or path. A folder, or `"hf://user/name"`, with a branch,
            tag or commit after an `@` if wanted. Files of the Hub are read through its
            cache, from `HF_ENDPOINT` if that is set.
        task: class, or one of `"backbone"`, `"masked_lm"`, `"text_classifier"`,
            `"question_answerer"` and `"token_classifier"`. Defaults to `None`: the
            checkpoint's own task.
        load_weights: bool. Whether to read the weights. Defaults to `True`.
        **overrides: arguments of the backbone or the task that replace the
            checkpoint's, such as `dtype`, `dropout` (of both), `num_classes`,
            `class_names`, `preprocessor`, or a larger `max_sequence_length` of a
            Longformer, for which the position table is repeated.

    Returns:
        A backbone, or a task with its preprocessor.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged, or of an unknown kind.
        ValueError: If a new head needs `num_classes`, or an argument does not fit.

    Example:

    ```python
    from longkeras.conversion import from_huggingface, to_huggingface
    from longkeras.models import LongformerBackbone, LongformerTextClassifier

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    model = LongformerTextClassifier(backbone, 2, class_names=["dull", "exciting"])
    to_huggingface(model, "novels")
    model = from_huggingface("novels")
    assert model.class_names == ["dull", "exciting"]
    ```

    Reference:
        [Longformer in transformers](https://huggingface.co/docs/transformers/model_doc/longformer)
    """
    check_checkpoint_folder(path_or_handle, "path_or_handle")
    folder = local_folder(path_or_handle, load_weights)
    config = read_object(folder / CONFIG_FILE)
    return read_model(LoadRequest(folder, config, task, load_weights, overrides))


def load_preset(
    kind: type, preset: str, load_weights: bool = True, **arguments: Any
) -> Any:
    """Load a checkpoint for `from_preset` of `kind`, one of our classes.

    Reads Hugging Face checkpoints, and presets of KerasHub's BERT, RoBERTa and XLM-R
    into Longformer classes. Returns None for other presets, which KerasHub loads.
    """
    if not preset.startswith(HUB_PREFIX) and not Path(preset).is_dir():
        return None
    config = read_config(preset)
    if "model_type" in config and "registered_name" not in config:
        check_supported(kind, "huggingface", preset=preset)
        return _load_huggingface(kind, preset, config, load_weights, **arguments)
    read = preset_reader(config.get("registered_name"))
    return read(kind, preset, load_weights, **arguments) if read else None


def _load_huggingface(
    kind: Any, preset: str, config: dict[str, Any], load_weights: bool, **arguments: Any
) -> Any:
    # A preprocessor names its tokenizer's class; neither of them has weights.
    is_tokenizer = hasattr(kind, "tokenize")
    if not is_tokenizer and not hasattr(kind, "tokenizer_cls"):
        folder = local_folder(preset, load_weights)
        return read_model(LoadRequest(folder, config, kind, load_weights, arguments))
    folder = local_folder(preset, with_weights=False)
    if is_tokenizer:
        return read_tokenizer(folder, kind, **arguments)
    request = LoadRequest(folder, config, kind, load_weights=False)
    family = family_that_makes(request)
    length = family.arguments(request, family.heads[0], {})["max_sequence_length"]
    arguments.setdefault(family.length_argument, length)
    if "tokenizer" not in arguments:
        arguments["tokenizer"] = read_tokenizer(folder, kind.tokenizer_cls)
    return kind(**arguments)


def read_model(request: LoadRequest, family: Family | None = None) -> Any:
    """Make the requested model, of the given family or that of checkpoint and task."""
    family = family or family_that_makes(request)
    head = wanted_head(request, family)
    tensors = family.names.canonical_tensors(request.tensors, request.folder)
    tensors, is_untied = family.tied.settle(tensors, request.config)
    is_untied = is_untied and head.task == family.tied.task and request.load_weights
    if is_untied and family.tied.mapping is None:
        raise family.refusal(
            request, "its output is the token embedding", tie_word_embeddings=False
        )
    choice = choose_head(request, head, tensors)
    is_untied = is_untied and choice.is_kept
    of_backbone, of_task = request.split_overrides(
        family.backbone, head.model if head.task != "backbone" else None
    )
    arguments = family.arguments(request, head, tensors)
    if family.tied.mapping is not None:
        arguments["tie_embedding_weights"] = not is_untied
    arguments |= of_backbone
    weights, head_weights = [], []
    if request.load_weights:
        head_weights = _head_weights(family, head, choice.is_kept, is_untied, tensors)
        weights = _checked_weights(request, family, arguments, head_weights, tensors)
        if family.adapt is not None:
            tensors = family.adapt(request, arguments, tensors)
        if head.weights and not choice.is_kept:
            log_new_head(request.folder, head.model)
    length = arguments["max_sequence_length"]
    task_arguments = _task_arguments(request, family, head, choice, of_task, length)
    parts = ModelParts(
        family, head, arguments, task_arguments, weights, head_weights, tensors
    )
    try:
        backbone = parts.backbone()
    except ValueError as error:
        raise CheckpointError(
            f"No model can be made of the configuration: {error}. "
            f"Received: path={request.path}"
        ) from error
    return parts.model(backbone)


def _head_weights(
    family: Family, head: Head, is_kept: bool, is_untied: bool, tensors: Tensors
) -> list[WeightMapping]:
    """The weights of the head that are read; `pretrained` ones for a new head too."""
    if not is_kept:
        return [mapping for mapping in head.pretrained if mapping.tensor in tensors]
    return [*head.pretrained, *head.weights, *[family.tied.mapping] * is_untied]


def _checked_weights(
    request: LoadRequest,
    family: Family,
    arguments: dict[str, Any],
    head_weights: list[WeightMapping],
    tensors: Tensors,
) -> list[WeightMapping]:
    """The mappings of the backbone, once all tensors are known to be there and fit."""
    # First: an absurd `num_layers` would make an endless list of mappings.
    family.names.check_layers(tensors, arguments["num_layers"], request.folder)
    weights = family.weights_for(arguments)
    if family.pooler and not any(name.startswith(family.pooler) for name in tensors):
        weights = [x for x in weights if not x.tensor.startswith(family.pooler)]
        _log.warning("%s: the pooler is new", request.folder)
    needed = {mapping.tensor for mapping in (*weights, *head_weights)}
    needed.update(family.adapted)
    family.names.check_names(tensors, needed, request.folder)
    for name, shape in family.shapes(request).items():
        if name in tensors:
            tensors[name].check_shape(shape)
    return weights


def _task_arguments(
    request: LoadRequest,
    family: Family,
    head: Head,
    choice: HeadChoice,
    overrides: dict[str, Any],
    length: int,
) -> dict[str, Any]:
    if head.task == "backbone":
        return {}

    @functools.cache
    def tokenizer() -> Any:
        is_there = has_tokenizer(request.folder)
        return family.read_tokenizer(request.folder) if is_there else None

    known = family.task_arguments(request, head, choice.is_kept, tokenizer)
    if "preprocessor" not in overrides and tokenizer() is not None:
        limit = {family.length_argument: length}
        known["preprocessor"] = head.model.preprocessor_cls(tokenizer(), **limit)
    accepted = constructor_arguments(head.model)
    known, chosen = (
        {name: value for name, value in given.items() if name in accepted}
        for given in (known, choice.arguments)
    )
    return {**known, **overrides, **chosen}
