"""Writer of Hugging Face checkpoints that `transformers` loads."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longkeras.atomic_files import replaced_folder
from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_folder import read_object
from longkeras.conversion.families import family_of_model
from longkeras.conversion.family import Family, Head
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.tensor_folder import (
    MAX_SHARD_BYTES,
    write_tensors,
)
from longkeras.safe_files.preset_layout import CONFIG_FILE
from longkeras.text.subword_sources import TOKENIZER_FILES, TOKENIZER_SOURCES

_OTHER_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*")


def to_huggingface(
    model: Any,
    folder: str | os.PathLike[str],
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> Path:
    """Writes a model as a Hugging Face checkpoint that `transformers` loads as it is.

    The folder gets `config.json`, `model.safetensors` in float32 without copies of
    tied weights, and the tokenizer's files if the model has a preprocessor. It is
    replaced atomically. A low-rank adaptation is merged into the weights. The
    activation of a classifier's outputs is not written: `transformers` returns logits.

    Args:
        model: `longkeras.models.LongformerBackbone` or one of its tasks.
        folder: str or path. New, empty, or a Hugging Face checkpoint to replace, whose
            other files are kept.
        max_shard_bytes: int. The most bytes of tensors in one file, which are in memory
            together; more are split into several files. Defaults to 50 GB.

    Returns:
        `pathlib.Path`: the folder.

    Raises:
        CheckpointError: If the folder holds something else.
        ValueError: If the model is of another kind, or has features that Hugging Face
            lacks: dilation, an unknown activation, eight-bit weights.

    Example:

    ```python
    from longkeras.conversion import to_huggingface
    from longkeras.models import LongformerBackbone

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    folder = to_huggingface(backbone, "longformer")
    assert (folder / "model.safetensors").exists()
    ```
    """
    family = family_of_model(model)
    if family is None:
        raise ValueError(
            "`model` must be a Longformer backbone or task. "
            f"Received: model={type(model).__name__}"
        )
    folder = Path(folder)
    _check_target(folder)
    head = family.head_of_model(model)
    config = family.config(model, head)
    tokenizer = getattr(getattr(model, "preprocessor", None), "tokenizer", None)
    if tokenizer is not None:
        config["bos_token_id"] = tokenizer.start_token_id
        config["eos_token_id"] = tokenizer.end_token_id
        config.setdefault("sep_token_id", tokenizer.separator_token_id)
    tensors = list(_tensors(model, family, head))
    with replaced_folder(folder, _is_kept) as new_folder:
        write_tensors(new_folder, tensors, max_shard_bytes)
        text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
        (new_folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
        if tokenizer is not None:
            length = getattr(model, "backbone", model).max_sequence_length
            family.write_tokenizer(tokenizer, new_folder, length)
    return folder


def _check_target(folder: Path) -> None:
    is_checkpoint = (folder / CONFIG_FILE).is_file() and "model_type" in read_object(
        folder / CONFIG_FILE
    )
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_checkpoint and not is_free:
        raise CheckpointError(
            "`folder` must be a new or an empty folder, or hold a Hugging Face "
            f"checkpoint to replace. Received: folder={folder}"
        )


def _is_kept(new_folder: Path, entry: Path) -> bool:
    # Of two kinds of weights or tokenizers `transformers` might read the old ones.
    if any(entry.match(pattern) for pattern in _OTHER_WEIGHTS):
        return False
    has_tokenizer = (new_folder / TOKENIZER_SOURCES[0]).exists()
    return not (has_tokenizer and str(entry) in TOKENIZER_FILES)


def _tensors(model: Any, family: Family, head: Head) -> Iterator[NamedTensor]:
    if head.task == "backbone":
        for mapping in family.weights(model):
            yield mapping.tensor_of(model)
        return
    for mapping in family.weights(model.backbone):
        # The task classes of `transformers` have no pooler, and call one unexpected.
        if not mapping.tensor.startswith(family.names.optional):
            name = f"{family.names.task_prefix}{mapping.tensor}"
            yield mapping.in_task().tensor_of(model, name)
    for mapping in head.weights:
        yield mapping.tensor_of(model)
    tied = family.tied
    if head.task == tied.task and not model.backbone.tie_embedding_weights:
        bias = next(x for x in head.weights if x.tensor == tied.tied_bias)
        yield bias.tensor_of(model, tied.bias)
        yield tied.mapping.tensor_of(model)
