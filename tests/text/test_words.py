"""Words as tokens: counted, read, written again, and learnt by a recurrent model."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import (
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from longkeras.text import SubwordTokenizer, frequent_words

TEXTS = ["The cat saw the dog .", "The dog saw <unk> , the cat ran ."]


@pytest.fixture(scope="module")
def tokenizer():
    words = frequent_words(TEXTS, num_words=6, lowercase=True)
    return SubwordTokenizer.from_words(words, lowercase=True)


def test_frequent_words_come_first():
    assert frequent_words(TEXTS, 2, lowercase=True) == ["the", "cat"]
    assert frequent_words(["a, b", "b!"], split_punctuation=True) == [
        "b",
        "a",
        ",",
        "!",
    ]
    assert frequent_words(["a, b", "b!"]) == ["a,", "b", "b!"]


def test_a_word_is_a_token_and_an_unknown_one_is_one_too(tokenizer):
    # `<unk>` of the text is the special one.
    assert tokenizer.vocabulary_size() == 4 + 5
    special = tokenizer.start_token_id, tokenizer.pad_token_id, tokenizer.end_token_id
    assert special == (0, 1, 2)
    ids = tokenizer("the DOG slept : <unk> .")
    unknown = tokenizer.unknown_token_id
    words = ["the", "dog", "<unk>", "<unk>", "<unk>", "."]
    assert ids.tolist() == [tokenizer.token_to_id(word) for word in words]
    assert (ids == unknown).sum() == 3
    assert tokenizer.detokenize(ids) == "the dog ."
    assert tokenizer.detokenize(ids, skip_special_tokens=False) == " ".join(words)


def test_words_need_a_token_for_the_unknown():
    with pytest.raises(ValueError, match="`unknown_token` must be given"):
        SubwordTokenizer.from_words(["a"], unknown_token=None)


def test_words_are_counted_in_the_case_in_which_they_are_looked_up(tmp_path):
    # `str.lower` ends the first word with another sigma than `tokenizers` does.
    words = frequent_words(["\u039f\u0394\u039f\u03a3 The"], lowercase=True)
    tokenizer = SubwordTokenizer.from_words(words, lowercase=True)
    assert tokenizer.unknown_token_id not in tokenizer("\u039f\u0394\u039f\u03a3 THE")
    tokenizer.save_to_preset(str(tmp_path))
    config = json.loads((tmp_path / "tokenizer.json").read_text())["config"]
    again = SubwordTokenizer.from_config(config)
    again.load_preset_assets(str(tmp_path))
    assert again("THE").tolist() == tokenizer("the").tolist() == [5]
    as_written = SubwordTokenizer.from_words(words)
    assert as_written("THE the").tolist() == [as_written.unknown_token_id, 5]


def test_embeddings_may_be_a_dict_of_words(tokenizer):
    backbone = RecurrentBackbone(tokenizer.vocabulary_size(), 1, 4, seed=0)
    before = ops.convert_to_numpy(backbone.token_embedding.embeddings)
    vectors = {"the": np.ones(4), "dog": [2.0, 3.0, 4.0, 5.0], "zebra": np.zeros(4)}
    missing = backbone.set_embeddings(vectors, tokenizer)
    after = ops.convert_to_numpy(backbone.token_embedding.embeddings)
    for token, i in tokenizer.get_vocabulary().items():
        np.testing.assert_array_equal(after[i], vectors.get(token, before[i]))
    assert set(missing) == set(tokenizer.get_vocabulary()) - {"the", "dog"}
    for wrong, message in [
        ({"the": np.ones(3)}, r"vectors of shape \(4,\).*'the'"),
        ({"zebra": np.ones(4)}, "a vector for a token"),
        ({}, "a vector for a token"),
    ]:
        with pytest.raises(ValueError, match=message):
            backbone.set_embeddings(wrong, tokenizer)
    with pytest.raises(ValueError, match="`tokenizer` must be given with a dict"):
        backbone.set_embeddings(vectors)
    small = RecurrentBackbone(5, 1, 4)
    with pytest.raises(ValueError, match="`tokenizer` must have at most 5 tokens"):
        small.set_embeddings(vectors, tokenizer)


@pytest.mark.slow
def test_a_recurrent_model_learns_words_from_given_embeddings(tokenizer, tmp_path):
    backbone = RecurrentBackbone(
        tokenizer.vocabulary_size(), 1, 8, trainable_embeddings=False, seed=0
    )
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(tokenizer.vocabulary_size(), 8)).astype("float32")
    backbone.set_embeddings(embeddings)
    preprocessor = RecurrentCausalLMPreprocessor(tokenizer, sequence_length=9)
    model = RecurrentCausalLM(backbone, preprocessor)
    model.compile(keras.optimizers.Adam(0.1), weighted_metrics=[], jit_compile=False)

    history = model.fit(TEXTS, batch_size=2, epochs=8, verbose=0).history["loss"]

    assert history[-1] < 0.7 * history[0]
    kept = ops.convert_to_numpy(backbone.token_embedding.embeddings)
    np.testing.assert_array_equal(kept, embeddings)
    model.save_to_preset(str(tmp_path))
    again = RecurrentCausalLM.from_preset(str(tmp_path))
    assert not again.backbone.trainable_embeddings
    prompt = again.preprocessor.generate_preprocess(["the cat"], sequence_length=5)
    expected = model(prompt), model.preprocessor.tokenizer("the cat")
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(x) for x in (again(prompt), expected[0])), atol=1e-6
    )
    assert again.preprocessor.tokenizer("the cat").tolist() == expected[1].tolist()


def test_a_recurrent_model_writes_words(tokenizer):
    backbone = RecurrentBackbone(tokenizer.vocabulary_size(), 1, 4, seed=0)
    preprocessor = RecurrentCausalLMPreprocessor(tokenizer, sequence_length=6)
    model = RecurrentCausalLM(backbone, preprocessor)
    model.compile(sampler="greedy", run_eagerly=True)
    written = model.generate("the cat", stop_token_ids=None)
    assert written.startswith("the cat")
