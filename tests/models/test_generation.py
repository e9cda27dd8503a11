"""`generate` with KerasHub's samplers, against searches over the full pass."""

import keras
import keras_hub
import numpy as np
import pytest

from longkeras.models import ByteTokenizer
from longkeras.models.generation.options import GenerationOptions
from tests.contracts.decode_contract import BATCH_SIZE, TEXT_LENGTH, Decoder
from tests.models.small_models import CONTEXT_LENGTH, small_model

PROMPTS = ["", "It", "话说天下"]
TOKENIZER = ByteTokenizer()


@pytest.fixture(
    scope="module",
    params=[
        *("windowed", "full"),
        # The tests of the samplers have a recurrent model.
        pytest.param("lstm", marks=pytest.mark.slow),
        pytest.param("ngram_heads", marks=pytest.mark.slow),
    ],
)
def decoder(request):
    return Decoder(small_model(request.param))


slow = pytest.mark.slow
# What does not depend on the state that a model keeps.
once = pytest.mark.parametrize("decoder", ["windowed"], indirect=True)


@pytest.fixture(scope="module")
def greedy(decoder):
    """The model, compiled to take the most probable token."""
    decoder.model.compile(
        sampler="greedy", jit_compile=keras.backend.backend() == "jax"
    )
    return decoder.model


@pytest.fixture(scope="module")
def expected_ids(decoder):
    """Greedy continuations of `PROMPTS`, each token from a full pass."""
    return greedy_search(decoder, [prompt_ids(prompt) for prompt in PROMPTS])


class CyclicSampler(keras_hub.samplers.Sampler):
    """Writes the same tokens over and over, unless the text is at its end."""

    def __init__(self, cycle):
        super().__init__()
        self.cycle = cycle

    def __call__(self, next, prompt, index, mask, **kwargs):
        def cyclic(prompt, cache, index):
            logits, hidden, cache = next(prompt, cache, index)
            before = prompt[:, index - 1]
            place = keras.ops.argmax(before[:, None] == keras.ops.array(self.cycle), 1)
            token = keras.ops.take(keras.ops.array(self.cycle), (place + 1) % 3)
            size = logits.shape[-1]
            wanted = keras.ops.one_hot(token, size, dtype="float32") * 1e6
            return keras.ops.cast(logits, "float32") + wanted, hidden, cache

        return super().__call__(cyclic, prompt, index=index, mask=mask, **kwargs)

    def get_next_token(self, probabilities):
        return keras.ops.argmax(probabilities, axis=-1)


def prompt_ids(prompt):
    return [TOKENIZER.start_token_id, *(byte + 3 for byte in prompt.encode())]


def text_of(ids):
    return TOKENIZER.detokenize(list(ids))


def logits_of(decoder, rows):
    """Full-pass logits after each row's last token."""
    token_ids = np.zeros((BATCH_SIZE, TEXT_LENGTH), "int32")
    mask = np.zeros_like(token_ids)
    for i, row in enumerate(rows):
        token_ids[i, : len(row)], mask[i, : len(row)] = row, 1
    logits, _ = decoder.full_pass(token_ids, mask)
    return [logits[i, len(row) - 1] for i, row in enumerate(rows)]


def greedy_search(decoder, rows, max_length=TEXT_LENGTH):
    rows = [list(row) for row in rows]
    while min(map(len, rows)) < max_length:
        for row, logits in zip(rows, logits_of(decoder, rows), strict=True):
            if len(row) < max_length:
                row.append(int(np.argmax(logits)))
    return rows


def beam_search(decoder, ids, num_beams, max_length):
    beams = [(0.0, list(ids))]
    while len(beams[0][1]) < max_length:
        candidates = []
        logits = logits_of(decoder, [row for _, row in beams])
        for (score, row), values in zip(beams, logits, strict=True):
            values = values.astype("float64")
            values = values - np.log(np.exp(values).sum())
            best = np.argsort(-values)[:num_beams]
            candidates += [(score + values[token], [*row, token]) for token in best]
        beams = sorted(candidates, key=lambda beam: -beam[0])[:num_beams]
    return beams[0][1]


def compiled(decoder, sampler, preprocessor=True, run_eagerly=True):
    """A task of its own over the same weights; eager where a backend can be."""
    model = decoder.model
    other = type(model)(model.backbone, model.preprocessor if preprocessor else None)
    is_jax = keras.backend.backend() == "jax"
    other.compile(
        sampler=sampler, jit_compile=is_jax, run_eagerly=run_eagerly and not is_jax
    )
    return other


def test_prompts_of_different_lengths_continue_as_the_full_pass_says(
    greedy, expected_ids
):
    texts = greedy.generate(PROMPTS, max_length=TEXT_LENGTH)
    assert texts == [text_of(ids) for ids in expected_ids]
    assert all(map(str.startswith, texts, PROMPTS))


@once
def test_a_prompt_alone_continues_as_in_a_batch(greedy, expected_ids):
    for prompt, ids in zip(PROMPTS, expected_ids, strict=True):
        assert greedy.generate(prompt, max_length=TEXT_LENGTH) == text_of(ids)


def test_a_stream_equals_the_greedy_text(greedy, expected_ids):
    for prompt, ids in zip(PROMPTS, expected_ids, strict=True):
        stream = greedy.stream(prompt, max_length=TEXT_LENGTH)
        # Random bytes: some are no UTF-8, the prompt always is.
        assert prompt + "".join(stream) == text_of(ids)


@once
def test_the_default_length_is_that_of_the_preprocessor(greedy, expected_ids):
    assert greedy.preprocessor.sequence_length == TEXT_LENGTH
    assert greedy.generate("It") == text_of(expected_ids[1])


@once
def test_a_stop_token_ends_a_row_alone(decoder, expected_ids):
    model = compiled(decoder, "greedy")
    longest = max(map(len, map(prompt_ids, PROMPTS)))
    stop = expected_ids[0][longest + 2]
    expected = []
    for prompt, ids in zip(PROMPTS, expected_ids, strict=True):
        start = len(prompt_ids(prompt))
        end = ids.index(stop, start) + 1 if stop in ids[start:] else len(ids)
        expected.append(text_of(ids[:end]))
    texts = model.generate(PROMPTS, max_length=TEXT_LENGTH, stop_token_ids=(stop,))
    assert texts == expected
    assert texts[0] != text_of(expected_ids[0])


@once
def test_a_stripped_prompt_leaves_the_continuation(decoder, expected_ids):
    model = compiled(decoder, "greedy")
    text = model.generate("It", max_length=TEXT_LENGTH, strip_prompt=True)
    assert text == text_of(expected_ids[1][3:])


@pytest.mark.slow
@once
@pytest.mark.parametrize(
    "sampler",
    [keras_hub.samplers.TopKSampler(k=1), keras_hub.samplers.TopPSampler(p=1e-6)],
    ids=["top_k", "top_p"],
)
def test_a_sampler_left_one_choice_is_greedy(decoder, expected_ids, sampler):
    model = compiled(decoder, sampler, run_eagerly=False)
    assert model.generate(PROMPTS, TEXT_LENGTH) == list(map(text_of, expected_ids))


@pytest.mark.slow
@once
def test_equal_seeds_give_equal_texts(decoder):
    texts = []
    for seed in (1, 1, 2):
        sampler = keras_hub.samplers.TopKSampler(k=50, temperature=3.0, seed=seed)
        model = compiled(decoder, sampler, run_eagerly=False)
        texts.append(model.generate("It", max_length=TEXT_LENGTH))
    assert texts[0] == texts[1] != texts[2]


@once
def test_a_seed_gives_equal_texts_and_leaves_the_samplers_own(decoder):
    model = compiled(decoder, keras_hub.samplers.RandomSampler(temperature=3.0, seed=7))
    own = keras.ops.convert_to_numpy(model.sampler.variables[0])
    one, again, other = (model.generate("It", seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    after = keras.ops.convert_to_numpy(model.sampler.variables[0])
    np.testing.assert_array_equal(own, after)
    assert model.generate("It") != model.generate("It")


@once
def test_padding_on_either_side_gives_equal_texts(decoder, expected_ids):
    model = compiled(decoder, "greedy", preprocessor=False)
    rows = [prompt_ids(prompt) for prompt in PROMPTS]
    left, right = (np.zeros((len(rows), TEXT_LENGTH), "int32") for _ in range(2))
    for i, row in enumerate(rows):
        left[i, -len(row) :] = right[i, : len(row)] = row
    for token_ids in (left, right):
        inputs = {"token_ids": token_ids, "padding_mask": token_ids > 0}
        outputs = model.generate(inputs, stop_token_ids=None)
        np.testing.assert_array_equal(outputs["token_ids"], expected_ids)


@once
@pytest.mark.parametrize("num_stops", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_stop_strings_end_each_text_before_the_first_of_them(
    decoder, expected_ids, num_stops
):
    # The models write random bytes: any two of them stand for a stop string.
    expected = []
    stops = [tuple(row[16 + i : 18 + i]) for i, row in enumerate(expected_ids)]
    stops = (stops + [(9, 9, 9)] * 2)[:num_stops]
    model = compiled(decoder, "greedy", run_eagerly=num_stops > 1)
    for prompt, ids in zip(PROMPTS, expected_ids, strict=True):
        start = len(prompt_ids(prompt))
        places = [
            place
            for place in range(start, len(ids) - 1)
            if tuple(ids[place : place + 2]) in stops
        ]
        expected.append(ids[: min(places, default=len(ids))])
    assert min(map(len, expected)) < TEXT_LENGTH
    inputs = model.preprocessor.generate_preprocess(PROMPTS, TEXT_LENGTH)
    outputs = model.generate_step(
        inputs, options=GenerationOptions(stop_sequences=tuple(stops))
    )
    mask = keras.ops.convert_to_numpy(outputs["padding_mask"])
    token_ids = keras.ops.convert_to_numpy(outputs["token_ids"])
    for row, is_text, ids in zip(token_ids, mask, expected, strict=True):
        assert row[is_text].tolist() == ids


@pytest.mark.slow
@once
def test_a_stop_string_counts_where_it_is_generated_and_across_pieces(decoder):
    # A model that writes 天 for ever, a byte at a time.
    text = "天" * 4
    sampler = CyclicSampler(prompt_ids(text)[1:4])
    model = compiled(decoder, sampler, run_eagerly=False)
    assert model.generate("天", 22, stop="地") == "天" * 7
    assert model.generate("天", 22, stop=["地", "天天天"]) == "天"
    assert model.generate("天天", 22, stop="天天天", strip_prompt=True) == ""
    assert model.generate(["天", "天天"], 22, stop="天天") == ["天", "天天"]
    with pytest.raises(ValueError, match="`stop` needs a `preprocessor`"):
        compiled(decoder, "greedy", preprocessor=False).generate(
            {}, stop_token_ids=None, stop="a"
        )


@once
def test_another_length_of_prompt_or_text_compiles_nothing(decoder, monkeypatch):
    model = compiled(decoder, "greedy", run_eagerly=False)
    model.generate("a", max_length=23)
    step, calls = model.step, []
    monkeypatch.setattr(model, "step", lambda *args: calls.append(1) or step(*args))
    assert model.generate("some words", max_length=18)
    assert not calls


@pytest.mark.slow
@once
def test_contrastive_search_without_its_penalty_is_greedy(decoder, expected_ids):
    sampler = keras_hub.samplers.ContrastiveSampler(k=2, alpha=0.0)
    model = compiled(decoder, sampler, run_eagerly=False)
    texts = model.generate(PROMPTS, TEXT_LENGTH, stop_token_ids=None)
    # The last token of KerasHub's search is chosen like the others.
    assert texts == list(map(text_of, expected_ids))
    model = compiled(decoder, keras_hub.samplers.ContrastiveSampler(k=2, alpha=0.6))
    together = model.generate(PROMPTS, TEXT_LENGTH, stop_token_ids=None)
    assert together[1] == model.generate("It", TEXT_LENGTH, stop_token_ids=None)
    assert together != texts


@once
def test_an_empty_row_is_refused(decoder):
    model = compiled(decoder, "greedy", preprocessor=False)
    inputs = {"token_ids": np.ones((2, 4)), "padding_mask": [[1, 0, 0, 0], [0] * 4]}
    with pytest.raises(ValueError, match=r"at least one token in every row.*\[1, 0\]"):
        model.generate(inputs, stop_token_ids=None)


@pytest.mark.parametrize("run_eagerly", [True, pytest.param(False, marks=slow)])
def test_beams_are_those_of_a_search_over_the_full_pass(decoder, run_eagerly):
    sampler = keras_hub.samplers.BeamSampler(num_beams=2)
    model = compiled(decoder, sampler, run_eagerly=run_eagerly)
    for prompt in ("It", "天"):
        text = model.generate(prompt, max_length=16, stop_token_ids=None)
        assert text == text_of(beam_search(decoder, prompt_ids(prompt), 2, 16))


def test_full_attention_says_that_a_text_is_too_long():
    model = small_model("full")
    model.compile(sampler="greedy", jit_compile=False)
    with pytest.raises(ValueError, match=f"at most {CONTEXT_LENGTH}.*max_length=49"):
        model.generate("It", max_length=CONTEXT_LENGTH + 1)


@once
def test_without_a_preprocessor_ids_go_in_and_out(decoder, expected_ids):
    model = compiled(decoder, "greedy", preprocessor=False)
    rows = [prompt_ids(prompt) for prompt in PROMPTS]
    mask = np.array([[i < len(row) for i in range(TEXT_LENGTH)] for row in rows])
    token_ids = np.zeros(mask.shape, "int32")
    token_ids[mask] = np.concatenate(rows)
    outputs = model.generate(
        {"token_ids": token_ids, "padding_mask": mask}, stop_token_ids=None
    )
    np.testing.assert_array_equal(outputs["token_ids"], expected_ids)
    assert outputs["padding_mask"].all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["windowed", "full", "mixed", "dilated", "lstm", "gru"]
)
def test_generation_under_xla_equals_the_full_pass(kind):
    decoder = Decoder(small_model(kind))
    decoder.model.compile(sampler="greedy", jit_compile=True)
    expected = greedy_search(decoder, [prompt_ids(prompt) for prompt in PROMPTS])
    texts = decoder.model.generate(PROMPTS, max_length=TEXT_LENGTH)
    assert texts == [text_of(ids) for ids in expected]
