"""The characters of a text that each token stands for, whatever was normalized."""

import functools
import json
import unicodedata

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Tokenizer,
    normalizers,
    pre_tokenizers,
)

from longkeras.text import SubwordTokenizer
from tests.text.subword_samples import (
    CORPUS,
    byte_pair_files,
    sentence_piece_proto,
    word_pieces,
)

ADDED = [
    AddedToken("<dev>"),
    AddedToken("</dev>", normalized=False),
    AddedToken("<left>", lstrip=True),
    AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("fox", single_word=True, normalized=False),
]
PIECES = [
    *("BMS", "dog", "fox", "The", "a", "b", ".", "``", " ", "  ", "\n", "\u3000"),
    *("<dev>", "</dev>", "<left>", "<right>", "<mask>", "[MASK]"),
    *("é", "e\u0301", "a\u0301\u0323", "ﬁ", "½", "İ", "Σ", "\uff46", "\x00"),
    *("中", "👩‍🚀", "한", "\u1112\u1161\u11ab"),
]


def byte_pairs(prefix, *steps, regex=True):
    ours = SubwordTokenizer.from_byte_pair(*byte_pair_files(), add_prefix_space=prefix)
    rust = Tokenizer.from_str(ours.definition)
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(prefix, use_regex=regex)
    return changed(ours, rust, steps)


def changed(ours, rust, steps=()):
    if steps:
        rust.normalizer = normalizers.Sequence(list(steps))
    rust.add_tokens(ADDED)
    return SubwordTokenizer(rust.to_str(), **names_of(ours))


def names_of(ours):
    return {f"{name}_token": x for name, x in vars(ours.special_names).items()}


def sentence_pieces(*steps, split=True):
    ours = SubwordTokenizer.from_sentence_piece(sentence_piece_proto())
    rust = Tokenizer.from_str(ours.definition)
    if not split:
        rust.pre_tokenizer = None
    return changed(ours, rust, steps)


def of_kind(ours):
    return changed(ours, Tokenizer.from_str(ours.definition))


def words(*steps, **options):
    ours = SubwordTokenizer.from_words(["dog", "a", "b", "the", "é", "fi"], **options)
    return changed(ours, Tokenizer.from_str(ours.definition), steps)


LLAMA = (
    normalizers.Prepend("▁"),
    normalizers.Replace("``", '"'),
    normalizers.Replace(" ", "▁"),
)
MAKERS = {
    "byte pairs": lambda: byte_pairs(False),
    "byte pairs behind a space": lambda: byte_pairs(True),
    "normalized byte pairs": lambda: byte_pairs(
        True, normalizers.NFKC(), normalizers.Lowercase()
    ),
    "byte pairs of whole texts": lambda: byte_pairs(
        True, normalizers.Replace("``", '"'), normalizers.NFC(), regex=False
    ),
    "word pieces": lambda: of_kind(SubwordTokenizer.from_word_piece(word_pieces())),
    "cased word pieces": lambda: of_kind(
        SubwordTokenizer.from_word_piece(word_pieces(False), lowercase=False)
    ),
    "sentence pieces": sentence_pieces,
    "sentence pieces of whole texts": lambda: sentence_pieces(*LLAMA, split=False),
    "words": words,
    "normalized words": lambda: words(
        normalizers.NFD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
        split_punctuation=True,
    ),
}


@functools.cache
def made(kind):
    tokenizer = MAKERS[kind]()
    return tokenizer, Tokenizer.from_str(tokenizer.definition)


def content_of(token, rust):
    """A token's own characters, without marks of the vocabulary."""
    if isinstance(rust.pre_tokenizer, pre_tokenizers.ByteLevel):
        table = {byte: character for character, byte in byte_table().items()}
        token = bytes(table[x] for x in token).decode(errors="ignore")
    return token.removeprefix("##").replace("▁", " ").strip()


@functools.cache
def byte_table():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table |= {chr(256 + i): byte for i, byte in enumerate(others)}
    return {byte: character for character, byte in table.items()}


def normalized(text, rust):
    text = rust.normalizer.normalize_str(text) if rust.normalizer else text
    return text.replace("▁", " ")


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(parts=st.lists(st.sampled_from(PIECES), max_size=8))
@pytest.mark.parametrize("kind", MAKERS)
def test_a_span_is_the_text_of_its_token(kind, parts):
    tokenizer, rust = made(kind)
    text = "".join(parts)
    ids, offsets = tokenizer.tokenize_with_offsets(text)
    assert ids.tolist() == tokenizer(text).tolist()
    starts, ends = offsets.T
    assert (starts >= 0).all() and (starts <= ends).all() and (ends <= len(text)).all()
    assert (np.diff(starts) >= 0).all() and (np.diff(ends) >= 0).all(), offsets
    added = {i: x.content for i, x in rust.get_added_tokens_decoder().items()}
    for i, (start, end) in zip(ids.tolist(), offsets.tolist(), strict=True):
        span = text[start:end]
        if i in added and i != tokenizer.unknown_token_id:
            assert span.strip() == added[i]
        elif i != tokenizer.unknown_token_id:
            content = content_of(rust.id_to_token(i), rust)
            whole = normalized(span, rust).strip()
            assert content in whole, (text, span, content)
            if span.isascii() and "``" not in span and content:
                assert content == whole, (text, span, content)
    ends, starts = [0, *np.maximum.accumulate(ends)], [*starts, len(text)]
    for start, end in zip(ends, starts, strict=True):
        assert is_dropped(text[start:end], rust), (text, offsets.tolist())


def is_dropped(gap, rust):
    """Whether normalization or splitting leaves nothing of characters in a gap."""
    left = normalized(gap, rust).strip()
    return all(unicodedata.category(x) in ("Cc", "Mn", "Zs") for x in left)


@pytest.mark.parametrize("prefix", [False, True])
def test_an_added_token_does_not_move_what_follows_it(prefix):
    tokenizer = byte_pairs(prefix)
    text = "<dev>The fox</dev>BMS"
    ids, offsets = tokenizer.tokenize_with_offsets(text)
    spans = [text[slice(*place)] for place in offsets]
    tokens = [tokenizer.id_to_token(i).lstrip("\u0120") for i in ids.tolist()]
    assert spans == tokens


@pytest.mark.parametrize(
    ("kind", "text", "span"),
    [
        ("normalized byte pairs", "a cafe\u0301 b", "e\u0301"),
        ("normalized byte pairs", "a \u1112\u1161\u11ab b", "\u1112\u1161\u11ab"),
        ("sentence pieces", "a cafe\u0301 b", "e\u0301"),
        ("word pieces", "e\u0301 b", "e\u0301"),
        ("byte pairs of whole texts", "a `` b", "``"),
        ("sentence pieces of whole texts", "``a", "``"),
        ("normalized words", "a e\u0301 ab", "e\u0301"),
        ("word pieces", "中<left>", "<left>"),
    ],
)
def test_characters_that_become_one_are_covered_together(kind, text, span):
    tokenizer, _ = made(kind)
    _, offsets = tokenizer.tokenize_with_offsets(text)
    start = text.index(span)
    end = start + len(span)
    touching = [x for x in offsets.tolist() if x[0] < end and x[1] > start]
    assert touching
    assert all(x[0] <= start and x[1] >= end for x in touching)


def test_other_spans_are_those_of_the_library():
    for kind in ("byte pairs", "cased word pieces", "sentence pieces"):
        tokenizer, rust = made(kind)
        for text in [*CORPUS, "  two  spaces\tand\n lines ", "\x07bell", ""]:
            expected = rust.encode(text, add_special_tokens=False).offsets
            _, offsets = tokenizer.tokenize_with_offsets(text)
            assert [tuple(x) for x in offsets.tolist()] == expected


def test_spans_are_trimmed_where_the_definition_says_so():
    ours = SubwordTokenizer.from_byte_pair(*byte_pair_files())
    content = json.loads(ours.definition)
    content["post_processor"]["trim_offsets"] = False
    untrimmed = SubwordTokenizer(json.dumps(content))
    assert ours.tokenize_with_offsets("a dog")[1][-1].tolist() == [2, 5]
    assert untrimmed.tokenize_with_offsets("a dog")[1][-1].tolist() == [1, 5]
    assert untrimmed.template == ours.template
