"""Tokenizers in Hugging Face folders, read and written."""

import json
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError


def read_tokenizer(folder: Path, kind: Any, **arguments: Any) -> Any:
    """The tokenizer of a folder.

    Args:
        folder: path.
        kind: class of the tokenizer, a `longkeras.text.SubwordTokenizer`.
        **arguments: of that class.

    Returns:
        The tokenizer.

    Raises:
        CheckpointError: If there is none that can be read.
    """
    try:
        return kind.from_huggingface_folder(folder, **arguments)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The tokenizer cannot be read: {error}. Received: path={folder}"
        ) from error


def write_tokenizer(tokenizer: Any, folder: Path, max_sequence_length: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`.

    Args:
        tokenizer: `longkeras.text.SubwordTokenizer`.
        folder: path of a folder that exists.
        max_sequence_length: int. The most tokens that the model reads.
    """
    special = tokenizer.special_names
    settings = {
        "bos_token": special.start,
        "clean_up_tokenization_spaces": False,
        "cls_token": special.start,
        "eos_token": special.end,
        "mask_token": special.mask,
        "model_max_length": max_sequence_length,
        "pad_token": special.pad,
        "sep_token": special.separator,
        # tokenizer.json describes every kind of tokenizer completely.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": special.unknown,
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(tokenizer.definition, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
