"""Every sampler's choice: by the row alone, and within the sampler's range."""

import keras
import keras_hub
import numpy as np
import pytest

from longkeras.models import ByteTokenizer
from tests.models.small_models import small_model

PROMPTS = ["It was", "It", "话说天", "It"]
MAX_LENGTH = 11
TOKENIZER = ByteTokenizer()
BEAMS = {"beam": keras_hub.samplers.BeamSampler(num_beams=3)}
PLAIN = {
    "greedy": keras_hub.samplers.GreedySampler(),
    "random": keras_hub.samplers.RandomSampler(temperature=3.0, seed=1),
    "top_k": keras_hub.samplers.TopKSampler(k=50, temperature=3.0, seed=1),
    "top_p": keras_hub.samplers.TopPSampler(p=0.9, temperature=3.0, seed=1),
}
SAMPLERS = {
    **PLAIN,
    **BEAMS,
    "contrastive": keras_hub.samplers.ContrastiveSampler(k=3, alpha=0.5),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


@pytest.fixture(scope="module", name="model")
def _model():
    return small_model("lstm", num_layers=1, sequence_length=MAX_LENGTH)


def use(model, sampler, **options):
    """Compile without XLA where there is a choice: it takes longest."""
    is_jax = keras.backend.backend() == "jax"
    options = options or {"jit_compile": is_jax, "run_eagerly": not is_jax}
    model.compile(sampler=sampler, **options)
    return model


def prompt_ids(prompt):
    return [1, *(byte + 3 for byte in prompt.encode())]


def log_probabilities(model, ids):
    """Of the token after `ids`; padding and start are never written."""
    inputs = {"token_ids": np.array([ids]), "padding_mask": np.ones((1, len(ids)))}
    logits = keras.ops.convert_to_numpy(model(inputs))[0, -1].astype("float64")
    logits[:2] = -np.inf
    logits -= logits.max()
    return logits - np.log(np.exp(logits).sum())


def end_sometimes(model, prompt):
    """Make the end of a text a little more probable than a byte that is written."""
    ids = prompt_ids(prompt)
    for _ in range(3):
        ids.append(int(np.argmax(log_probabilities(model, ids))))
    embeddings = model.backbone.token_embedding.embeddings
    values = np.array(keras.ops.convert_to_numpy(embeddings))
    values[2] = values[ids[-1]] * 1.2
    embeddings.assign(values)
    return model


def beam_search(model, ids, num_beams, max_length):
    """The likeliest of the texts that are kept, and its log-probability."""
    beams = [(0.0, list(ids))]
    while True:
        candidates = []
        for score, row in beams:
            if len(row) == max_length or (row[-1] == 2 and len(row) > len(ids)):
                candidates.append((score, row))
                continue
            values = log_probabilities(model, row)
            for token in np.argsort(-values)[:num_beams]:
                candidates.append((score + values[token], [*row, int(token)]))
        candidates = sorted(candidates, key=lambda beam: -beam[0])[:num_beams]
        if candidates == beams:
            return max(beams)
        beams = candidates


@every_sampler
def test_a_row_is_continued_as_it_is_alone(model, name):
    use(model, SAMPLERS[name])
    together = model.generate(PROMPTS, max_length=MAX_LENGTH, seed=3)
    alone = [model.generate(x, max_length=MAX_LENGTH, seed=3) for x in PROMPTS[:3]]
    assert together[:3] == alone
    # Copies of a prompt draw differently, or else nothing does.
    is_random = "seed" in SAMPLERS[name].get_config()
    assert (together[3] != together[1]) == is_random


@pytest.mark.parametrize("num_beams", [2, 3])
def test_beams_are_those_of_a_search_by_hand_whatever_stands_beside(num_beams):
    model = end_sometimes(small_model("lstm", num_layers=1, seed=5), "abc")
    use(model, keras_hub.samplers.BeamSampler(num_beams=num_beams))
    prompts = ["abcdef", "abc", "x", "It was a"]
    texts = model.generate(prompts, max_length=10)
    ended = 0
    for prompt, text in zip(prompts, texts, strict=True):
        _, expected = beam_search(model, prompt_ids(prompt), num_beams, 10)
        ended += expected[-1] == 2
        assert text == TOKENIZER.detokenize(expected)
    assert 0 < ended < len(prompts), "some of the texts should end before the last"


@every_sampler
def test_a_temperature_of_zero_writes_the_greedy_text(model, name):
    expected = use(model, "greedy").generate(PROMPTS, max_length=MAX_LENGTH)
    config = {**SAMPLERS[name].get_config(), "temperature": 0.0}
    use(model, type(SAMPLERS[name]).from_config(config))
    assert model.generate(PROMPTS, max_length=MAX_LENGTH) == expected
    # A beam writes a whole text otherwise; greedy, it streams.
    written = "".join(model.stream("It", max_length=MAX_LENGTH))
    assert "It" + written == expected[1]


def test_an_argument_that_is_changed_later_counts(model):
    expected = use(model, "greedy").generate("It", max_length=MAX_LENGTH)
    sampler = keras_hub.samplers.TopKSampler(k=50, temperature=3.0, seed=1)
    use(model, sampler, jit_compile=keras.backend.backend() == "jax")
    assert model.generate("It", max_length=MAX_LENGTH) != expected
    sampler.temperature = 0.0
    assert model.generate("It", max_length=MAX_LENGTH) == expected
    sampler.temperature = -1.0
    for write in (model.generate, model.stream):
        with pytest.raises(ValueError, match="`temperature` must be a number at least"):
            write("It", max_length=MAX_LENGTH)


def test_a_sampler_out_of_its_range_is_refused_by_compile(model):
    with pytest.raises(ValueError, match="`num_beams` must be an int of at least 1"):
        model.compile(sampler=keras_hub.samplers.BeamSampler(num_beams=0))
    with pytest.raises(ValueError, match="`sampler` must be the name of a sampler"):
        model.compile(sampler=None)


@pytest.mark.parametrize("name", ["top_k", "top_p", "contrastive"])
def test_more_candidates_than_tokens_are_all_of_them(model, name):
    config = SAMPLERS[name].get_config()
    texts = []
    for k in (257, 100_000):  # 256 bytes and the end of a text
        use(model, type(SAMPLERS[name]).from_config({**config, "k": k}))
        texts.append(model.generate("It", max_length=6, seed=2))
    assert texts[0] == texts[1] != "It"


def longing_for_special_tokens():
    """A model to which padding and start are far more probable than any byte."""
    model = small_model("lstm", num_layers=1, sequence_length=MAX_LENGTH)
    embeddings = model.backbone.token_embedding.embeddings
    values = np.array(keras.ops.convert_to_numpy(embeddings))
    likeliest = np.argmax(log_probabilities(model, prompt_ids("It")))
    values[:2] = values[likeliest] * 50
    embeddings.assign(values)
    return model


@pytest.fixture(scope="module", name="longing")
def _longing():
    model = longing_for_special_tokens()
    inputs = {
        "token_ids": np.array([prompt_ids("It")]),
        "padding_mask": np.ones((1, 3)),
    }
    assert np.argmax(keras.ops.convert_to_numpy(model(inputs))[0, -1]) < 2
    return model


@every_sampler
@pytest.mark.parametrize(
    "temperature", [pytest.param(0.01, marks=pytest.mark.slow), 1e9]
)
def test_padding_and_start_are_never_written(longing, name, temperature):
    config = {**SAMPLERS[name].get_config(), "temperature": temperature}
    use(longing, type(SAMPLERS[name]).from_config(config))
    inputs = longing.preprocessor.generate_preprocess(["It", "x"], 7)
    for stop_token_ids, lowest in ((None, 3), ((2,), 2)):
        outputs = longing.generate_step(inputs, stop_token_ids)
        token_ids = keras.ops.convert_to_numpy(outputs["token_ids"])
        mask = keras.ops.convert_to_numpy(outputs["padding_mask"])
        for row, is_text, start in zip(token_ids, mask, (3, 2), strict=True):
            written = row[is_text][start:]
            assert len(written) > 0
            assert written.min() >= lowest


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("lstm", name) for name in PLAIN),
        pytest.param("windowed", "top_k", marks=pytest.mark.slow),
        pytest.param("full", "top_p", marks=pytest.mark.slow),
    ],
)
def test_a_stream_is_what_is_generated_from_the_same_seed(kind, name, request):
    model = request.getfixturevalue("model") if kind == "lstm" else None
    model = model or small_model(kind, num_layers=1, sequence_length=MAX_LENGTH)
    use(model, PLAIN[name])
    texts = model.generate(
        PROMPTS, max_length=MAX_LENGTH, seed=7, stop=["a", "\ufffd("]
    )
    for prompt, text in zip(PROMPTS[:3], texts[:3], strict=True):
        stream = model.stream(
            prompt, max_length=MAX_LENGTH, seed=7, stop=["a", "\ufffd("]
        )
        assert prompt + "".join(stream) == text
