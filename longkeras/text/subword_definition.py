"""Subword vocabularies as the text of a Hugging Face `tokenizer.json`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SpecialTokens:
    """The names of the tokens that are no text.

    Args:
        start: str. Stands before a text.
        end: str. Stands behind a text.
        separator: str. Stands between two texts.
        pad: str. Fills a row up.
        mask: str, or None. Stands for a hidden token.
        unknown: str, or None. Stands for what has no token.
    """

    start: str
    end: str
    separator: str
    pad: str
    mask: str | None
    unknown: str | None

    def names(self) -> list[str]:
        """Each name once, in the order of the fields."""
        ends = (self.start, self.pad, self.end, self.separator)
        fields = (*ends, self.unknown, self.mask)
        return list(dict.fromkeys(name for name in fields if name is not None))


ROBERTA_TOKENS = SpecialTokens("<s>", "</s>", "</s>", "<pad>", "<mask>", "<unk>")
BERT_TOKENS = SpecialTokens("[CLS]", "[SEP]", "[SEP]", "[PAD]", "[MASK]", "[UNK]")
WORD_TOKENS = SpecialTokens("<s>", "</s>", "</s>", "<pad>", None, "<unk>")


def byte_pair_definition(
    vocabulary: Mapping[str, int],
    merges: Iterable[str] | Iterable[tuple[str, str]],
    special: SpecialTokens = ROBERTA_TOKENS,
    add_prefix_space: bool = False,
) -> str:
    """Byte-level pairs as GPT-2 and RoBERTa read them.

    Args:
        vocabulary: dict from token to id, bytes written as in `vocab.json`.
        merges: list of `"left right"` or of pairs, best first.
        special: `SpecialTokens`.
        add_prefix_space: bool. Whether a text begins as if a space stood before it.

    Returns:
        str, JSON.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    model = models.BPE(
        vocab=dict(vocabulary),
        merges=_merge_pairs(merges),
        continuing_subword_prefix="",
        end_of_word_suffix="",
        fuse_unk=False,
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    ids = _add_special(tokenizer, special)
    tokenizer.post_processor = processors.RobertaProcessing(
        (special.separator, ids[special.separator]),
        (special.start, ids[special.start]),
        trim_offsets=True,
        add_prefix_space=add_prefix_space,
    )
    return tokenizer.to_str()


def word_piece_definition(
    vocabulary: Sequence[str] | Mapping[str, int],
    special: SpecialTokens = BERT_TOKENS,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
) -> str:
    """Word pieces as BERT reads them.

    Args:
        vocabulary: list of tokens in the order of their ids, or dict from token to id.
        special: `SpecialTokens`.
        lowercase: bool. Whether text is lowercased.
        strip_accents: bool. Whether accents are taken off; None does as `lowercase`.
        split_chinese: bool. Whether each Chinese character is a word.

    Returns:
        str, JSON.
    """
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    if not isinstance(vocabulary, Mapping):
        vocabulary = {token: i for i, token in enumerate(vocabulary)}
    model = models.WordPiece(dict(vocabulary), unk_token=special.unknown)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    ids = _add_special(tokenizer, special)
    start, separator = special.start, special.separator
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[start, "$A", separator],
        pair=[start, "$A", separator, "$B:1", f"{separator}:1"],
        special_tokens=list(ids.items()),
    )
    return tokenizer.to_str()


def word_definition(
    words: Iterable[str],
    special: SpecialTokens = WORD_TOKENS,
    lowercase: bool = False,
    split_punctuation: bool = False,
) -> str:
    """Whole words, each a token, others unknown.

    Ids are those of the special tokens, then of the words in their order.

    Args:
        words: list of str; one that is a special token, or stood before, counts once.
        special: `SpecialTokens`.
        lowercase: bool. Whether text is lowercased.
        split_punctuation: bool. Whether punctuation marks are words too.

    Returns:
        str, JSON.

    Raises:
        ValueError: If there is no token for what is unknown.
    """
    from tokenizers import Tokenizer, models, normalizers, processors

    if special.unknown is None:
        raise ValueError(
            "`unknown_token` must be given: not every word is known. "
            "Received: unknown_token=None"
        )
    tokens = dict.fromkeys([*special.names(), *words])
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special.unknown))
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = word_splitter(split_punctuation)
    ids = _add_special(tokenizer, special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[special.start, "$A", special.end],
        pair=[special.start, "$A", special.separator, "$B", special.end],
        special_tokens=list(ids.items()),
    )
    return tokenizer.to_str()


def word_splitter(split_punctuation: bool = False) -> Any:
    """What cuts a text into words: at white space, and perhaps at punctuation.

    Args:
        split_punctuation: bool. Whether punctuation marks are words too.

    Returns:
        `tokenizers.pre_tokenizers.PreTokenizer`.
    """
    from tokenizers import pre_tokenizers

    if split_punctuation:
        return pre_tokenizers.BertPreTokenizer()
    return pre_tokenizers.WhitespaceSplit()


def sentence_piece_definition(
    proto: bytes, special: SpecialTokens = ROBERTA_TOKENS
) -> str:
    """A SentencePiece model with the ids that fairseq and XLM-R give its pieces.

    Ids are start 0, padding 1, end 2, unknown 3, then the pieces of the file behind
    its own three special ones, and the mask last.

    Args:
        proto: bytes. The content of `sentencepiece.bpe.model`.
        special: `SpecialTokens`.

    Returns:
        str, JSON.

    Raises:
        ValueError: If the file holds no unigram model.
    """
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    messages: Any = sentencepiece_model_pb2
    content = messages.ModelProto.FromString(proto)
    if content.trainer_spec.model_type != content.trainer_spec.UNIGRAM:
        raise ValueError(
            "`proto` must be a unigram model, as XLM-R's is. Received: "
            f"model_type={content.trainer_spec.model_type}"
        )
    first = (special.start, special.pad, special.end, special.unknown or "<unk>")
    pieces = [(token, 0.0) for token in first]
    pieces += [(piece.piece, piece.score) for piece in content.pieces[3:]]
    pieces += [(special.mask, 0.0)] if special.mask is not None else []
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    charsmap = content.normalizer_spec.precompiled_charsmap
    if charsmap:
        tokenizer.normalizer = normalizers.Precompiled(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    ids = _add_special(tokenizer, special)
    start, end, separator = special.start, special.end, special.separator
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[start, "$A", end],
        pair=[start, "$A", separator, separator, "$B", end],
        special_tokens=list(ids.items()),
    )
    return tokenizer.to_str()


def with_added_tokens(definition: str, tokens: Mapping[int, Any]) -> str:
    """Adds tokens that a definition does not have yet.

    Args:
        definition: str, JSON.
        tokens: dict from id to a token, a string or a dict with `content` and the
            flags that `tokenizers.AddedToken` takes. Ids must continue the
            vocabulary's without a gap.

    Returns:
        str, JSON.

    Raises:
        ValueError: If a token would get another id than it should have.
    """
    from tokenizers import AddedToken

    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    known = {part["content"] for part in json.loads(definition).get("added_tokens", [])}
    named = {
        i: {"content": token} if isinstance(token, str) else token
        for i, token in sorted(tokens.items())
        if (token if isinstance(token, str) else token["content"]) not in known
    }
    if not named:
        return definition
    tokenizer = parsed(definition)
    for token_id, token in named.items():
        content = token["content"]
        given = {name: token[name] for name in flags if name in token}
        tokenizer.add_tokens([AddedToken(content, **given)])
        if tokenizer.token_to_id(content) != token_id:
            raise ValueError(
                "`tokens` must continue the ids of the vocabulary. Received: "
                f"{content!r} with id {token_id}, which would get "
                f"{tokenizer.token_to_id(content)}"
            )
    return tokenizer.to_str()


def _merge_pairs(merges: Iterable[Any]) -> list[tuple[str, str]]:
    """Pairs, from lines of `merges.txt` too, without its first line and empty ones."""
    pairs = []
    for merge in merges:
        if isinstance(merge, str):
            if merge.startswith("#version") or not merge.strip():
                continue
            merge = merge.rstrip("\r\n").split(" ")
        left, right = merge
        pairs.append((left, right))
    return pairs


def _add_special(tokenizer: Any, special: SpecialTokens) -> dict[str, int]:
    """Reads these names in a text as the tokens they are, as Hugging Face does."""
    from tokenizers import AddedToken

    missing = [x for x in special.names() if tokenizer.token_to_id(x) is None]
    if missing:
        raise ValueError(
            "The vocabulary must hold every special token. Received: a vocabulary "
            f"without {missing}"
        )
    tokenizer.add_special_tokens(
        [
            # A space before RoBERTa's mask belongs to it, as when it was trained.
            AddedToken(name, lstrip=name == "<mask>", normalized=False, special=True)
            for name in special.names()
        ]
    )
    return {name: tokenizer.token_to_id(name) for name in special.names()}


def parsed(definition: str) -> Any:
    """Make the tokenizer of a definition.

    Args:
        definition: str, the text of a Hugging Face `tokenizer.json`.

    Returns:
        `tokenizers.Tokenizer`.

    Raises:
        ValueError: If the text is not a definition.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(definition)
    except Exception as error:
        # The package raises the base class itself.
        if type(error) is not Exception:
            raise
        raise ValueError(
            f"`definition` must be a valid `tokenizer.json`: {error}. Received: "
            f"definition={definition[:100]!r}"
        ) from error
