"""KerasHub's tokenizers of RoBERTa, BERT and XLM-R as Longformer's, and back."""

import json
from pathlib import Path
from typing import Any

import keras_hub

from longkeras.conversion.longformer_reading import read_longformer_tokenizer
from longkeras.models import LongformerTokenizer

_SENTENCE_PIECE_FILE = "sentencepiece.bpe.model"


def longformer_tokenizer_of(tokenizer: Any) -> Any:
    """The tokenizer with the same ids.

    Args:
        tokenizer: `keras_hub.models.RobertaTokenizer`, `BertTokenizer` or
            `XLMRobertaTokenizer`, or `LongformerTokenizer`, which is given back.

    Returns:
        `longkeras.models.LongformerTokenizer`.

    Raises:
        ValueError: If it is another, or has no vocabulary.
    """
    if isinstance(tokenizer, LongformerTokenizer):
        return tokenizer
    if isinstance(tokenizer, keras_hub.models.RobertaTokenizer):
        vocabulary = tokenizer.vocabulary
        return LongformerTokenizer.from_byte_pair(
            vocabulary,
            tokenizer.merges,
            add_prefix_space=tokenizer.add_prefix_space,
            unknown_token="<unk>" if "<unk>" in vocabulary else None,
        )
    if isinstance(tokenizer, keras_hub.models.BertTokenizer):
        return LongformerTokenizer.from_word_piece(
            tokenizer.get_vocabulary(),
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            split_chinese=tokenizer.split_on_cjk,
        )
    if isinstance(tokenizer, keras_hub.models.XLMRobertaTokenizer):
        return LongformerTokenizer.from_sentence_piece(tokenizer.proto)
    raise ValueError(
        "`tokenizer` must be KerasHub's of RoBERTa, BERT or XLM-R. "
        f"Received: tokenizer={type(tokenizer).__name__}"
    )


def keras_hub_tokenizer(folder: Path, model_type: str) -> Any:
    """The tokenizer of a Hugging Face folder, as KerasHub's of the same family.

    Args:
        folder: path.
        model_type: str, `"bert"`, `"roberta"` or `"xlm-roberta"`.

    Returns:
        A KerasHub tokenizer; None where the folder's is of another kind than the
        family's, or has lost the file that KerasHub's needs.

    Raises:
        CheckpointError: If it cannot be read.
    """
    if model_type == "xlm-roberta":
        path = folder / _SENTENCE_PIECE_FILE
        if not path.is_file():
            return None
        return keras_hub.models.XLMRobertaTokenizer(path.read_bytes())
    tokenizer = read_longformer_tokenizer(folder)
    definition = json.loads(tokenizer.definition)
    ids = tokenizer.get_vocabulary()
    kind = definition["model"]["type"]
    if (model_type, kind) == ("roberta", "BPE"):
        return keras_hub.models.RobertaTokenizer(
            ids, [_line(merge) for merge in definition["model"]["merges"]]
        )
    if (model_type, kind) == ("bert", "WordPiece"):
        rules = definition["normalizer"]
        strips = rules["strip_accents"]
        return keras_hub.models.BertTokenizer(
            sorted(ids, key=ids.get),
            lowercase=rules["lowercase"],
            strip_accents=rules["lowercase"] if strips is None else strips,
            split_on_cjk=rules["handle_chinese_chars"],
        )
    return None


def _line(merge: Any) -> str:
    return merge if isinstance(merge, str) else " ".join(merge)
