"""Classmethods that make subword tokenizers, and the reader of Hugging Face folders."""

import json
from pathlib import Path
from typing import Any

from longkeras.text.document_encoding import without_byte_order_mark
from longkeras.text.subword_definition import (
    BERT_TOKENS,
    ROBERTA_TOKENS,
    WORD_TOKENS,
    SpecialTokens,
    byte_pair_definition,
    sentence_piece_definition,
    with_added_tokens,
    word_definition,
    word_piece_definition,
)

# Each of these is a whole tokenizer, or the larger part of one.
TOKENIZER_SOURCES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
TOKENIZER_FILES = (
    *TOKENIZER_SOURCES,
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
)
# Our names of special tokens, with Hugging Face's, the preferred one first.
_THEIR_NAMES = {
    "start": ("cls_token", "bos_token"),
    "end": ("sep_token", "eos_token"),
    "separator": ("sep_token", "eos_token"),
    "pad": ("pad_token",),
    "mask": ("mask_token",),
    "unknown": ("unk_token",),
}


class SubwordSources:
    """The classmethods that make a `SubwordTokenizer`."""

    @classmethod
    def from_huggingface_folder(cls, folder, **kwargs):
        """Reads the tokenizer of a Hugging Face model folder.

        Takes `tokenizer.json`, else `vocab.json` with `merges.txt`, else
        `sentencepiece.bpe.model` or XLM-R's `spiece.model`, else `vocab.txt`. The names
        of special tokens come from `tokenizer_config.json` and
        `special_tokens_map.json`.

        Args:
            folder: str or path.
            **kwargs: See the class; these take precedence over the folder.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If the folder holds no tokenizer that can be read.
        """
        definition, special = read_folder(folder)
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_byte_pair(cls, vocabulary, merges, add_prefix_space=False, **kwargs):
        """Makes a byte-level BPE tokenizer, as in GPT-2 and RoBERTa.

        A space before `<mask>` is part of it, as in RoBERTa's own tokenizer.json.

        Args:
            vocabulary: dict from token to id, bytes written as in `vocab.json`.
            merges: list of `"left right"` or of pairs, best first.
            add_prefix_space: bool. Whether a text is read with a space before it.
                Defaults to `False`.
            **kwargs: See the class; special tokens are RoBERTa's by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, ROBERTA_TOKENS)
        definition = byte_pair_definition(vocabulary, merges, special, add_prefix_space)
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_word_piece(
        cls,
        vocabulary,
        lowercase=True,
        strip_accents=None,
        split_chinese=True,
        **kwargs,
    ):
        """Makes a WordPiece tokenizer, as in BERT.

        Args:
            vocabulary: list of tokens in the order of their ids, or dict from token
                to id.
            lowercase: bool. Whether text is lowercased. Defaults to `True`.
            strip_accents: bool. Whether accents are removed. Defaults to `None`: the
                same as `lowercase`.
            split_chinese: bool. Whether each Chinese character is a word. Defaults to
                `True`.
            **kwargs: See the class; special tokens are BERT's by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, BERT_TOKENS)
        definition = word_piece_definition(
            vocabulary, special, lowercase, strip_accents, split_chinese
        )
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_sentence_piece(cls, proto, **kwargs):
        """Makes a SentencePiece tokenizer with the ids of fairseq, as in XLM-R.

        Args:
            proto: bytes, the content of `sentencepiece.bpe.model`, or its path.
            **kwargs: See the class; special tokens are XLM-R's by default.

        Returns:
            The tokenizer.
        """
        if not isinstance(proto, bytes):
            with open(proto, "rb") as file:
                proto = file.read()
        special = _taken(kwargs, ROBERTA_TOKENS)
        definition = sentence_piece_definition(proto, special)
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_words(cls, words, lowercase=False, split_punctuation=False, **kwargs):
        """Makes a tokenizer of whole words, with one token for unknown words.

        For corpora whose words are separated already, such as WikiText and the Penn
        Treebank. Detokenized text has a space between any two words.

        Args:
            words: list of str, such as those of `longkeras.text.frequent_words`.
            lowercase: bool. Whether text is lowercased before its words are looked up.
                It is part of the `definition`, and saved with it. Defaults to `False`.
            split_punctuation: bool. Whether punctuation marks are words of their own.
                Defaults to `False`.
            **kwargs: See the class; special tokens are `<s>`, `<pad>`, `</s>`, `<unk>`,
                in the order of their ids, and no mask by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, WORD_TOKENS)
        definition = word_definition(words, special, lowercase, split_punctuation)
        return cls._of(definition, special, kwargs)

    @classmethod
    def _of(
        cls: Any, definition: str, special: SpecialTokens, kwargs: dict[str, Any]
    ) -> Any:
        names = {f"{name}_token": value for name, value in vars(special).items()}
        return cls(definition, **{**names, **kwargs})


def _taken(kwargs: dict[str, Any], default: SpecialTokens) -> SpecialTokens:
    """Pop the special tokens from keyword arguments, with defaults for the others."""
    names = {
        name: kwargs.pop(f"{name}_token", value)
        for name, value in vars(default).items()
    }
    return SpecialTokens(**names)


def read_folder(folder: Any) -> tuple[str, SpecialTokens]:
    """The text of a `tokenizer.json`, and the special tokens, of a model folder."""
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
        if _apply(settings, content):
            text = json.dumps(content, ensure_ascii=False)
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
    """The SentencePiece model with fairseq's ids; other families' ids differ."""
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
    """Special tokens of a `tokenizer.json`, and the ids of those in the vocabulary."""
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


def _apply(settings: dict[str, Any], content: dict[str, Any]) -> bool:
    """Apply settings that override tokenizer.json; return whether any was different."""
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
    """The tokens that a folder adds to its vocabulary, by id."""
    if "added_tokens_decoder" in settings:
        return settings["added_tokens_decoder"]
    return {i: token for token, i in _json(folder / "added_tokens.json").items()}


def _json(path: Path) -> dict[str, Any]:
    return json.loads(_text(path)) if path.is_file() else {}


def _text(path: Path) -> str:
    return without_byte_order_mark(path.read_text(encoding="utf-8"))
