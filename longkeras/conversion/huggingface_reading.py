"""Models from Hugging Face checkpoints."""

import os
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.encoder_as_longformer import (
    DEFAULT_LENGTH,
    read_encoder_as_longformer,
    read_preset_as_longformer,
)
from longkeras.conversion.encoder_folder import MODEL_TYPES, read_encoder_config
from longkeras.conversion.encoder_reading import read_encoder
from longkeras.conversion.longformer_config import backbone_arguments, is_longformer
from longkeras.conversion.longformer_reading import (
    read_longformer,
    read_longformer_preprocessor,
    read_longformer_tokenizer,
)
from longkeras.conversion.longformer_table import HEADS
from longkeras.conversion.model_folder import (
    CONFIG_FILE,
    HUB_PREFIX,
    local_folder,
    preset_folder,
)
from longkeras.conversion.model_request import ModelRequest
from longkeras.conversion.strict_json import read_object
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.safe_files import check_preset_folder


def from_huggingface(
    path_or_handle: str | os.PathLike[str],
    task: type | str | None = None,
    load_weights: bool = True,
    **overrides: Any,
) -> Any:
    """Makes a model of a Hugging Face checkpoint: a folder, or one of the Hub's.

    Reads Longformer as `transformers` saves it, as older versions did, models made
    long from RoBERTa (`"model_type": "roberta"` with an `attention_window`), and
    configurations of allenai's own package (windows of one side, which are doubled,
    and dilation). Weights are `model.safetensors` or `pytorch_model.bin`, one file or
    several, in any precision; nothing that is in a file is run. Every tensor of the
    checkpoint has its place in the model or is named in an error; left out are those of
    another task's head, buffers, and the pooler but for a backbone. An untied output is
    kept.

    RoBERTa, BERT (Chinese BERT and RoBERTa-wwm too) and XLM-R become KerasHub's
    classes, with the numbers of `transformers` where padding stands behind the text:
    KerasHub counts positions over padding, RoBERTa there does not. BERT is
    `longkeras.models.ExactBertBackbone`, which has the activation and epsilon of the
    checkpoint; RoBERTa's token type is added to its positions, and its pooler left
    out, as is BERT's guess whether a sentence follows another. What KerasHub's classes
    cannot hold is refused: `convert_to_long` makes a Longformer of it, and so does a
    Longformer class as `task`.

    The head is the checkpoint's where it is that of the task and has as many classes as
    are wanted. Otherwise it is new, with random weights, which a line in the log says.
    The tokenizer is read where there is one, and becomes the task's preprocessor.

    Args:
        path_or_handle: str or path. A folder, or `"hf://user/name"`, with a branch,
            tag or commit behind an `@` if wanted. The Hub's files come through its
            ordinary cache, from `HF_ENDPOINT` where that is set.
        task: class, or one of `"backbone"`, `"masked_lm"`, `"text_classifier"`,
            `"question_answerer"` and `"token_classifier"`. Defaults to `None`: what
            the checkpoint says it is.
        load_weights: bool. Whether to read the weights. Defaults to `True`.
        **overrides: arguments of the backbone or the task that win over the
            checkpoint's, such as `dtype`, `dropout` (of both), `num_classes`,
            `class_names`, `preprocessor`, or of Longformer a larger
            `max_sequence_length`, for which the position table is repeated.

    Returns:
        A backbone, or a task with its preprocessor.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged, or of a kind that is
            not known.
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
    folder = local_folder(path_or_handle, load_weights)
    config = read_object(folder / CONFIG_FILE)
    request = ModelRequest(folder, config, task, load_weights, overrides)
    _check_model_type(config, folder)
    names = list(read_tensors(folder)) if load_weights else []
    if is_longformer(config, names):
        return read_longformer(request)
    if any(task is head.kind for head in HEADS):
        return read_encoder_as_longformer(request)
    return read_encoder(request)


def load_preset_as(
    kind: type, path_or_handle: str, load_weights: bool = True, **arguments: Any
) -> Any:
    """What `from_preset` of one of our classes makes of a Hugging Face checkpoint.

    Args:
        kind: class of a backbone, a task, a preprocessor or a tokenizer.
        path_or_handle: str. See `from_huggingface`.
        load_weights: bool. Of no meaning without weights. Defaults to `True`.
        **arguments: of the class.

    Returns:
        An object of that class.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
    """
    # A preprocessor names its tokenizer's class; neither of them has weights.
    is_tokenizer = hasattr(kind, "tokenize")
    if not is_tokenizer and not hasattr(kind, "tokenizer_cls"):
        return from_huggingface(path_or_handle, kind, load_weights, **arguments)
    folder = local_folder(path_or_handle, with_weights=False)
    if is_tokenizer:
        return read_longformer_tokenizer(folder, kind, **arguments)
    arguments.setdefault("max_sequence_length", _longformer_length(folder))
    return read_longformer_preprocessor(folder, kind, **arguments)


def load_short_preset_as(
    kind: type, preset: str, load_weights: bool = True, **arguments: Any
) -> Any:
    """What `from_preset` of a Longformer class makes of a short encoder's preset.

    Args:
        kind: class.
        preset: str. A folder that KerasHub's BERT, RoBERTa or XLM-R wrote, or one of
            the Hub's.
        load_weights: bool. Defaults to `True`.
        **arguments: of the class.

    Returns:
        An object of that class; None where it is none of Longformer's models.
    """
    if not any(kind is head.kind for head in HEADS):
        return None
    if preset.startswith(HUB_PREFIX):
        preset = str(preset_folder(preset, load_weights))
    check_preset_folder(preset)
    return read_preset_as_longformer(kind, preset, load_weights, **arguments)


def _check_model_type(config: dict[str, Any], folder: Path) -> None:
    known, model_type = ("longformer", *MODEL_TYPES), config.get("model_type")
    if model_type not in known:
        raise CheckpointError(
            f"`model_type` must be one of {', '.join(known)}. "
            f"Received: path={folder / CONFIG_FILE}, model_type={model_type!r}"
        )


def _longformer_length(folder: Path) -> int:
    """Return what the Longformer that `from_preset` makes of a folder reads."""
    path = folder / CONFIG_FILE
    config = read_object(path)
    _check_model_type(config, folder)
    if is_longformer(config, []):
        return backbone_arguments(config, path)["max_sequence_length"]
    known = read_encoder_config(folder, config)
    return max(DEFAULT_LENGTH, known.arguments["max_sequence_length"])
