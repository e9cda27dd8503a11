"""Subword and word vocabularies as the text of a Hugging Face `tokenizer.json`."""

import collections
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SpecialTokens:
    """The names of the special tokens.

    Args:
        start: str. Begins a text.
        end: str. Ends a text.
        separator: str. Separates two texts.
        pad: str. Fills up a row.
        mask: str, or None. Replaces a masked token.
        unknown: str, or None. Replaces text without a token.
    """

    start: str
    end: str
    separator: str
    pad: str
    mask: str | None
    unknown: str | None

    def names(self) -> list[str]:
        """Each name once, in the order of RoBERTa's ids."""
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
    """The byte-level BPE of GPT-2 and RoBERTa.

    `vocabulary` has bytes written as in `vocab.json`; `merges` are `"left right"` or
    pairs, best first.
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
    """BERT's WordPiece; `strip_accents=None` is the same as `lowercase`."""
    import tokenizers

    if not isinstance(vocabulary, Mapping):
        vocabulary = {token: i for i, token in enumerate(vocabulary)}
    model = tokenizers.models.WordPiece(dict(vocabulary), unk_token=special.unknown)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece(prefix="##")
    ids = _add_special(tokenizer, special)
    start, separator = special.start, special.separator
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
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
    """A vocabulary of whole words; the special tokens have the first ids."""
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
    """The pre-tokenizer that splits text at white space and, if wanted, punctuation."""
    from tokenizers import pre_tokenizers

    if split_punctuation:
        return pre_tokenizers.BertPreTokenizer()
    return pre_tokenizers.WhitespaceSplit()


def frequent_words(
    texts: Iterable[str],
    num_words: int | None = None,
    lowercase: bool = False,
    split_punctuation: bool = False,
) -> list[str]:
    """The most frequent words of texts, for `SubwordTokenizer.from_words`.

    Args:
        texts: iterable of str.
        num_words: int. The largest number of words. Defaults to `None`: all.
        lowercase: bool. Whether texts are lowercased. Give `from_words` the same.
            Defaults to `False`.
        split_punctuation: bool. Whether punctuation marks are words of their own.
            Defaults to `False`.

    Returns:
        list of str, the most frequent first; ties are in order of occurrence.

    Example:

    ```python
    from longkeras.text import SubwordTokenizer, frequent_words

    words = frequent_words(["to be or not to be"], num_words=2)
    assert words == ["to", "be"]
    tokenizer = SubwordTokenizer.from_words(words)
    assert tokenizer("to be , to sleep").tolist() == [4, 5, 3, 4, 3]
    assert tokenizer.detokenize([4, 5]) == "to be"
    ```
    """
    from tokenizers import normalizers

    splitter = word_splitter(split_punctuation)
    # Not `str.lower`, which changes a sigma at the end of a word.
    lower = normalizers.Lowercase().normalize_str
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        text = lower(text) if lowercase else text
        counts.update(word for word, _ in splitter.pre_tokenize_str(text))
    return [word for word, _ in counts.most_common(num_words)]


def sentence_piece_definition(
    proto: bytes, special: SpecialTokens = ROBERTA_TOKENS
) -> str:
    """A SentencePiece unigram model with the ids of fairseq and XLM-R.

    Ids are start 0, padding 1, end 2, unknown 3, then the pieces of the file after its
    own three special ones, and the mask last.
    """
    import tokenizers
    from sentencepiece import sentencepiece_model_pb2

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
    model = tokenizers.models.Unigram(pieces, unk_id=3, byte_fallback=False)
    tokenizer = tokenizers.Tokenizer(model)
    charsmap = content.normalizer_spec.precompiled_charsmap
    if charsmap:
        tokenizer.normalizer = tokenizers.normalizers.Precompiled(charsmap)
    splitters = tokenizers.pre_tokenizers
    tokenizer.pre_tokenizer = splitters.Sequence(
        [splitters.WhitespaceSplit(), splitters.Metaspace(prepend_scheme="always")]
    )
    tokenizer.decoder = tokenizers.decoders.Metaspace(prepend_scheme="always")
    ids = _add_special(tokenizer, special)
    start, end, separator = special.start, special.end, special.separator
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=[start, "$A", end],
        pair=[start, "$A", separator, separator, "$B", end],
        special_tokens=list(ids.items()),
    )
    return tokenizer.to_str()


def with_added_tokens(definition: str, tokens: Mapping[int, Any]) -> str:
    """Add tokens by id to a definition that lacks them.

    A token is a string, or a dict with `content` and flags of `tokenizers.AddedToken`.
    Ids must continue those of the vocabulary.
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
    """Pairs from pairs or lines of `merges.txt`, without its header and empty lines."""
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
    """Add special tokens, which are recognized in a text, as Hugging Face does."""
    from tokenizers import AddedToken

    missing = [x for x in special.names() if tokenizer.token_to_id(x) is None]
    if missing:
        raise ValueError(
            "The vocabulary must hold every special token. Received: a vocabulary "
            f"without {missing}"
        )
    tokenizer.add_special_tokens(
        [
            # A space before RoBERTa's mask is part of it, as in its training.
            AddedToken(name, lstrip=name == "<mask>", normalized=False, special=True)
            for name in special.names()
        ]
    )
    return {name: tokenizer.token_to_id(name) for name in special.names()}


def parsed(definition: str) -> Any:
    """The `tokenizers.Tokenizer` of a definition."""
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
