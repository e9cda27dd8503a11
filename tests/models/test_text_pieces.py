"""Text of any tokenizer, as its tokens come one by one."""

import keras_hub
import pytest

from longkeras.models import (
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from longkeras.models.generation.text_pieces import text_pieces
from longkeras.text import SubwordTokenizer, frequent_words
from tests.models.small_models import draw_weights

WORDS = ["the", "cat", "saw", "dog", "."]


@pytest.fixture(name="words", scope="module")
def _words():
    return SubwordTokenizer.from_words(frequent_words([" ".join(WORDS)], num_words=9))


def byte_pairs():
    """KerasHub's own tokenizer of a few bytes."""
    tokens = [*"abĠåĲį", "bb"]  # a, b, space, 名 in three parts, and a pair
    vocabulary = {token: place for place, token in enumerate(tokens)}
    return keras_hub.tokenizers.BytePairTokenizer(vocabulary, merges=["b b"])


def told(tokenizer, prompt, text):
    ids = [int(i) for i in tokenizer(prompt)]
    pieces = text_pieces(tokenizer, ids)
    told = [pieces.add(int(i)) for i in tokenizer(text)]
    return [*told, pieces.end()]


def test_words_come_with_the_space_before_them(words):
    assert told(words, "the cat", "saw the dog") == [" saw", " the", " dog", ""]
    assert "".join(told(words, "", "saw the dog " * 9)) == ("saw the dog " * 9).strip()


def test_a_character_of_several_tokens_comes_whole():
    tokenizer = byte_pairs()
    assert told(tokenizer, "a", "bb 名a") == ["bb", " ", "", "", "名", "a", ""]
    ids = [int(i) for i in tokenizer("名")]
    pieces = text_pieces(tokenizer, [])
    assert [pieces.add(i) for i in ids[:2]] == ["", ""]
    assert pieces.end() == "\ufffd"


@pytest.mark.slow
def test_a_model_of_words_streams_what_it_generates(words):
    backbone = RecurrentBackbone(words.vocabulary_size(), 1, 8, seed=1)
    draw_weights(backbone)
    model = RecurrentCausalLM(backbone, RecurrentCausalLMPreprocessor(words, 12))
    model.compile(sampler="greedy")
    whole = model.generate("the cat", max_length=12)
    assert len(whole) > len("the cat")
    assert "the cat" + "".join(model.stream("the cat", max_length=12)) == whole
