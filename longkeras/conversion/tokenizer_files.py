"""A tokenizer as the files that Hugging Face's load."""

import json
from pathlib import Path
from typing import Any


def write_tokenizer(tokenizer: Any, folder: Path, max_sequence_length: int) -> None:
    """Writes `tokenizer.json` and `tokenizer_config.json`.

    Args:
        tokenizer: `longkeras.text.SubwordTokenizer`.
        folder: path. Is there already.
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
        # Whatever kind it is, all of it stands in tokenizer.json.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": special.unknown,
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(tokenizer.definition, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
