"""`generate` and `stream` write the same text, whatever the tokenizer."""

import keras
import keras_hub
import pytest

from longkeras.models import (
    ByteTokenizer,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from longkeras.models.generation.text_pieces import decoded
from longkeras.text import SubwordTokenizer, frequent_words
from tests.models.small_models import draw_weights
from tests.text.subword_samples import (
    byte_pair_files,
    sentence_piece_proto,
    word_pieces,
)

LENGTH = 14
PROMPTS = ["It's a", "话 dog"]


def gpt2_tokenizer():
    """Start and end are one token, which is also the padding."""
    vocabulary, merges = byte_pair_files()
    tokens = {"<|endoftext|>": len(vocabulary), **vocabulary}
    return keras_hub.models.GPT2Tokenizer(tokens, merges)


TOKENIZERS = {
    "bytes": ByteTokenizer,
    "words": lambda: SubwordTokenizer.from_words(
        frequent_words(["the lazy dog saw a fox . It 's"], num_words=30)
    ),
    "word pieces": lambda: SubwordTokenizer.from_word_piece(word_pieces()),
    "byte pairs": lambda: SubwordTokenizer.from_byte_pair(*byte_pair_files()),
    "sentence pieces": lambda: SubwordTokenizer.from_sentence_piece(
        sentence_piece_proto()
    ),
    "KerasHub's byte pairs": gpt2_tokenizer,
}


# The others differ in what is looked up, not in how it is joined.
QUICK = ("words", "byte pairs", "KerasHub's byte pairs")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in TOKENIZERS
    ],
    name="model",
)
def _model(request):
    tokenizer = TOKENIZERS[request.param]()
    backbone = RecurrentBackbone(tokenizer.vocabulary_size(), 1, 8, seed=1)
    draw_weights(backbone, seed=3)
    model = RecurrentCausalLM(
        backbone, RecurrentCausalLMPreprocessor(tokenizer, LENGTH)
    )
    is_jax = keras.backend.backend() == "jax"
    sampler = keras_hub.samplers.TopKSampler(k=40, temperature=2.0)
    model.compile(sampler=sampler, jit_compile=is_jax, run_eagerly=not is_jax)
    return model


def pieces(model, prompt, seed, **options):
    return "".join(model.stream(prompt, max_length=LENGTH, seed=seed, **options))


def test_a_continuation_is_the_joined_stream(model):
    seed = 2
    written = [pieces(model, prompt, seed) for prompt in PROMPTS]
    options = {"max_length": LENGTH, "seed": seed}
    assert model.generate(PROMPTS, strip_prompt=True, **options) == written
    assert all(written)
    whole = model.generate(PROMPTS, **options)
    tokenizer = model.preprocessor.tokenizer
    for prompt, text, piece in zip(PROMPTS, whole, written, strict=True):
        assert text == decoded(tokenizer, [int(i) for i in tokenizer(prompt)]) + piece


def test_a_continuation_ends_before_a_stop_string_as_the_stream_does(model):
    # Some of the texts end at once.
    for seed in range(9):
        (text,) = model.generate(["dog"], LENGTH, strip_prompt=True, seed=seed)
        if len(text) > 5:
            break
    for stop in (text[2:4], [text[3:4], text[1:5]]):
        options = {"seed": seed, "stop": stop}
        generated = model.generate(["dog"], LENGTH, strip_prompt=True, **options)
        streamed = pieces(model, "dog", **options)
        assert [streamed] == generated
        assert len(streamed) < len(text)


def test_special_tokens_are_never_chosen(model):
    tokenizer = model.preprocessor.tokenizer
    special = {int(i) for i in tokenizer.special_token_ids if i is not None}
    inputs = model.preprocessor.generate_preprocess(PROMPTS, LENGTH)
    outputs = model.generate_step(inputs, (tokenizer.end_token_id,))
    rows = keras.ops.convert_to_numpy(outputs["token_ids"])
    mask = keras.ops.convert_to_numpy(outputs["padding_mask"])
    prompts = keras.ops.convert_to_numpy(inputs["padding_mask"])
    for row, is_text, is_prompt in zip(rows, mask, prompts, strict=True):
        written = row[is_text][is_prompt.sum() :].tolist()
        assert not special & set(written) - {tokenizer.end_token_id}


def test_ids_that_the_tokenizer_lacks_are_never_written():
    backbone = RecurrentBackbone(320, 1, 8)  # rounded up, as many checkpoints are
    draw_weights(backbone)
    preprocessor = RecurrentCausalLMPreprocessor(ByteTokenizer(), 24)
    model = RecurrentCausalLM(backbone, preprocessor)
    is_jax = keras.backend.backend() == "jax"
    sampler = keras_hub.samplers.RandomSampler(temperature=1e6)
    model.compile(sampler=sampler, jit_compile=is_jax, run_eagerly=not is_jax)
    inputs = preprocessor.generate_preprocess(["a", "b", "c"], 24)
    outputs = model.generate_step(inputs)
    token_ids = keras.ops.convert_to_numpy(outputs["token_ids"])
    assert token_ids.max() < 259
