"""Tokenizers of Hugging Face model folders, of every kind of file they come in."""

import json
from pathlib import Path
from typing import Any

from longkeras.text.decoding import without_byte_order_mark
from longkeras.text.subword_definition import (
    BERT_TOKENS,
    ROBERTA_TOKENS,
    SpecialTokens,
    byte_pair_definition,
    sentence_piece_definition,
    with_added_tokens,
    word_piece_definition,
)

# Of our names, those of Hugging Face that say the same, best first.
_THEIR_NAMES = {
    "start": ("cls_token", "bos_token"),
    "end": ("sep_token", "eos_token"),
    "separator": ("sep_token", "eos_token"),
    "pad": ("pad_token",),
    "mask": ("mask_token",),
    "unknown": ("unk_token",),
}


def read_folder(folder: Any) -> tuple[str, SpecialTokens]:
    """Reads the tokenizer of a Hugging Face model folder.

    Args:
        folder: str or path.

    Returns:
        (definition, special): the text of a `tokenizer.json`, and `SpecialTokens`.

    Raises:
        ValueError: If there is no tokenizer that can be read.
    """
    folder = Path(folder)
    settings = {
        **_json(folder / "special_tokens_map.json"),
        **_json(folder / "tokenizer_config.json"),
    }
    definition, special = _read_files(folder, settings)
    added = {int(i): token for i, token in _added_tokens(folder, settings).items()}
    return with_added_tokens(definition, added), special


def _read_files(folder: Path, settings: dict[str, Any]) -> tuple[str, SpecialTokens]:
    names = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")
    there = {name: folder / name for name in names if (folder / name).is_file()}
    # KerasHub calls the configuration of its own tokenizers `tokenizer.json` too.
    text = _text(there["tokenizer.json"]) if "tokenizer.json" in there else "{}"
    content = json.loads(text)
    if "model" in content:
        special, ids = _special_of(content, settings)
        text = (
            json.dumps(content, ensure_ascii=False)
            if _heed(content, settings)
            else text
        )
        marked = {i: {"content": name, "special": True} for name, i in ids.items()}
        return with_added_tokens(text, marked), special
    if {"vocab.json", "merges.txt"} <= set(there):
        special = _named(settings, ROBERTA_TOKENS)
        vocabulary = json.loads(_text(there["vocab.json"]))
        # Not `splitlines`: a token may hold a character that ends lines in Unicode.
        merges = _text(there["merges.txt"]).split("\n")
        prefix = settings.get("add_prefix_space", False)
        return byte_pair_definition(vocabulary, merges, special, prefix), special
    proto = _sentence_piece_file(folder, settings)
    if proto is not None:
        special = _named(settings, ROBERTA_TOKENS)
        return sentence_piece_definition(proto.read_bytes(), special), special
    if "vocab.txt" in there:
        special = _named(settings, BERT_TOKENS)
        lines = _text(there["vocab.txt"]).removesuffix("\n").split("\n")
        definition = word_piece_definition(
            lines,
            special,
            lowercase=settings.get("do_lower_case", True),
            strip_accents=settings.get("strip_accents"),
            split_chinese=settings.get("tokenize_chinese_chars", True),
        )
        return definition, special
    raise ValueError(
        "`folder` must hold tokenizer.json, vocab.json and merges.txt, "
        "sentencepiece.bpe.model, or vocab.txt of Hugging Face. Received: "
        f"folder={folder}"
    )


def _sentence_piece_file(folder: Path, settings: dict[str, Any]) -> Path | None:
    """The model whose ids are fairseq's; other families number theirs otherwise."""
    path = folder / "sentencepiece.bpe.model"
    if path.is_file():
        return path
    path, kind = folder / "spiece.model", settings.get("tokenizer_class")
    if not path.is_file():
        return None
    if kind is not None and not kind.startswith(("XLMRoberta", "Longformer")):
        raise ValueError(
            "`folder` must hold a tokenizer.json where its spiece.model is not that of "
            f"XLM-R, whose ids differ. Received: tokenizer_class={kind!r}"
        )
    return path


def _special_of(
    content: dict[str, Any], settings: dict[str, Any]
) -> tuple[SpecialTokens, dict[str, int]]:
    """Names from the settings, else RoBERTa's or BERT's, and their ids if they are."""
    vocabulary = content["model"]["vocab"]
    if not isinstance(vocabulary, dict):
        vocabulary = {piece: i for i, (piece, _) in enumerate(vocabulary)}
    added = {part["content"]: part["id"] for part in content.get("added_tokens", [])}
    known = {**vocabulary, **added}
    is_bert = BERT_TOKENS.start in known and ROBERTA_TOKENS.start not in known
    special = _named(settings, BERT_TOKENS if is_bert else ROBERTA_TOKENS)
    optional = {
        name: value if value in known else None
        for name, value in (("mask", special.mask), ("unknown", special.unknown))
    }
    special = SpecialTokens(**{**vars(special), **optional})
    return special, {name: known[name] for name in special.names() if name in known}


def _heed(content: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Puts settings in that win over tokenizer.json; whether any was another."""
    kinds = (
        ("pre_tokenizer", "ByteLevel", "add_prefix_space", "add_prefix_space"),
        ("normalizer", "BertNormalizer", "do_lower_case", "lowercase"),
        ("normalizer", "BertNormalizer", "strip_accents", "strip_accents"),
        (
            "normalizer",
            "BertNormalizer",
            "tokenize_chinese_chars",
            "handle_chinese_chars",
        ),
    )
    changed = False
    for part, kind, theirs, name in kinds:
        step = content.get(part) or {}
        is_other = theirs in settings and step.get(name) != settings[theirs]
        if step.get("type") == kind and is_other:
            step[name] = settings[theirs]
            changed = True
    return changed


def _named(settings: dict[str, Any], default: SpecialTokens) -> SpecialTokens:
    found = {}
    for name, theirs in _THEIR_NAMES.items():
        values = [settings[other] for other in theirs if settings.get(other)]
        value = values[0] if values else getattr(default, name)
        found[name] = value["content"] if isinstance(value, dict) else value
    return SpecialTokens(**found)


def _added_tokens(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Tokens by their ids that a folder adds to its vocabulary."""
    if "added_tokens_decoder" in settings:
        return settings["added_tokens_decoder"]
    return {i: token for token, i in _json(folder / "added_tokens.json").items()}


def _json(path: Path) -> dict[str, Any]:
    return json.loads(_text(path)) if path.is_file() else {}


def _text(path: Path) -> str:
    return without_byte_order_mark(path.read_text(encoding="utf-8"))
