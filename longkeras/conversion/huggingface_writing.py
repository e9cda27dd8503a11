"""Models as Hugging Face checkpoints, which `transformers` loads."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from longkeras.atomic_files import replaced_folder
from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.longformer_config import huggingface_config, task_config
from longkeras.conversion.longformer_table import (
    DECODER_BIAS,
    HEAD_BIAS,
    Head,
    head_of_model,
    head_places,
    places_of,
    task_places,
)
from longkeras.conversion.model_folder import (
    CONFIG_FILE,
    TOKENIZER_FILES,
    TOKENIZER_SOURCES,
)
from longkeras.conversion.strict_json import read_object
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.safetensors_writer import (
    MAX_SHARD_BYTES,
    write_tensors,
)
from longkeras.conversion.tokenizer_files import write_tokenizer
from longkeras.conversion.weight_places import WeightPlace

_TASK_PREFIX = "longformer."
_OTHER_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*")


def to_huggingface(
    model: Any,
    folder: str | os.PathLike[str],
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> Path:
    """Writes a model as a Hugging Face checkpoint that `transformers` loads as it is.

    The folder gets `config.json`, `model.safetensors` in float32 without copies of
    tied weights, and the tokenizer's files where the model has a preprocessor. It is
    written whole or not at all. A low-rank adaptation is added to the weights. The
    activation of a classifier's outputs is not written: `transformers` gives logits.

    Args:
        model: `longkeras.models.LongformerBackbone` or one of its tasks.
        folder: str or path. New, empty, or a Hugging Face checkpoint to replace, of
            which files that are not of the model are kept.
        max_shard_bytes: int. The most bytes of tensors in one file; more become
            several. Defaults to 50 GB.

    Returns:
        `pathlib.Path`: the folder.

    Raises:
        CheckpointError: If the folder holds something else.
        ValueError: If the model is of another kind, or has what Hugging Face's has
            not: dilation, an activation without a name there, eight-bit weights.

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
    head = head_of_model(model)
    if head is None:
        raise ValueError(
            "`model` must be a Longformer backbone or task. "
            f"Received: model={type(model).__name__}"
        )
    folder = Path(folder)
    _check_target(folder)
    backbone = getattr(model, "backbone", model)
    config = huggingface_config(backbone, head.architecture)
    if backbone is not model:
        config.update(task_config(model))
    tokenizer = getattr(getattr(model, "preprocessor", None), "tokenizer", None)
    if tokenizer is not None:
        config["bos_token_id"] = tokenizer.start_token_id
        config["eos_token_id"] = tokenizer.end_token_id
        config.setdefault("sep_token_id", tokenizer.separator_token_id)
    tensors = list(_tensors(model, backbone, head))
    with replaced_folder(folder, _is_kept) as new_folder:
        write_tensors(new_folder, tensors, max_shard_bytes)
        text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
        (new_folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
        if tokenizer is not None:
            write_tokenizer(tokenizer, new_folder, backbone.max_sequence_length)
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


def _tensors(model: Any, backbone: Any, head: Head) -> Iterator[NamedTensor]:
    if backbone is model:
        for place in places_of(backbone):
            yield _tensor(place.tensor, place, model)
        return
    for place in task_places(backbone):
        yield _tensor(f"{_TASK_PREFIX}{place.tensor}", place, model)
    is_untied = not backbone.tie_embedding_weights and head.name == "masked_lm"
    for place in head_places(head, is_untied):
        yield _tensor(place.tensor, place, model)
        if is_untied and place.tensor == HEAD_BIAS:
            yield _tensor(DECODER_BIAS, place, model)


def _tensor(name: str, place: WeightPlace, model: Any) -> NamedTensor:
    return NamedTensor(
        name,
        np.dtype("float32"),
        place.shape(model),
        lambda: place.values(model),
    )
