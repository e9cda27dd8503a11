"""What may be left out, and what packed documents and global tokens change."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models.generation.options import GenerationOptions
from tests.models.small_models import letters_of, random_ids, small_model

LENGTH = 20
OPTIONAL = ("padding_mask", "global_attention_mask", "document_ids")


@pytest.fixture(scope="module")
def model():
    return small_model("global")


@pytest.fixture(scope="module")
def inputs():
    return {"token_ids": random_ids(2, LENGTH)}


def zeros():
    return np.zeros((2, LENGTH), "int32")


def global_mask():
    mask = zeros()
    mask[0, [1, 4]] = mask[1, 6] = 1
    return mask


def document_ids():
    return np.repeat([[0, 1, 5]], [7, 9, 4], axis=1).repeat(2, axis=0)


def complete(inputs):
    empty = {"global_attention_mask": zeros(), "document_ids": zeros()}
    return {**inputs, "padding_mask": zeros() + 1, **empty}


def logits_of(model, inputs):
    return ops.convert_to_numpy(model(inputs))


@pytest.mark.slow
def test_missing_none_and_zeros_are_the_same(model, inputs):
    full = complete(inputs)
    expected = logits_of(model, full)
    for given in (inputs, {**inputs, **dict.fromkeys(OPTIONAL)}):
        np.testing.assert_allclose(logits_of(model, given), expected, atol=3e-5)
    for name in OPTIONAL:
        given = {**full, name: None}
        np.testing.assert_allclose(logits_of(model, given), expected, atol=3e-5)


def test_what_is_given_changes_the_logits(model, inputs):
    default = logits_of(model, inputs)
    for given in (
        {"global_attention_mask": global_mask()},
        {"document_ids": document_ids()},
    ):
        changed = np.abs(logits_of(model, {**inputs, **given}) - default)
        assert changed.max() > 1e-2


@pytest.mark.slow
def test_fit_predict_and_a_reload_take_them(inputs, tmp_path):
    losses = []
    targets = random_ids(2, LENGTH, seed=1)
    given = {"global_attention_mask": global_mask(), "document_ids": document_ids()}
    for x in ({**inputs, **dict.fromkeys(OPTIONAL)}, {**inputs, **given}):
        model = small_model("global", num_layers=1)
        model.preprocessor = None
        model.compile("sgd", weighted_metrics=[], jit_compile=False)
        losses.append(model.fit(x, targets, epochs=1, verbose=0).history["loss"][0])
        predicted = model.predict(x, verbose=0)
        np.testing.assert_allclose(predicted, logits_of(model, x), atol=3e-5)
    assert abs(losses[0] - losses[1]) > 1e-4
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits_of(again, x), logits_of(model, x))
    np.testing.assert_array_equal(logits_of(again, inputs), logits_of(model, inputs))


@pytest.mark.parametrize(
    "kind",
    [
        *("dilated", "full", "global", "ngram_heads"),
        pytest.param("windowed", marks=pytest.mark.slow),
        pytest.param("ngrams", marks=pytest.mark.slow),
    ],
)
def test_packed_documents_are_read_as_if_each_stood_alone(kind):
    # Rotary positions count on through the row: only distances matter.
    model = small_model(kind)
    token_ids = random_ids(1, LENGTH, letters=letters_of(kind))
    masks = {}
    if kind == "global":
        masks["global_attention_mask"] = global_mask()[:1]
    documents = {"document_ids": document_ids()[:1]}
    packed = logits_of(model, {"token_ids": token_ids, **documents, **masks})
    for part in (slice(0, 7), slice(7, 16), slice(16, 20)):
        alone = {name: x[:, part] for name, x in masks.items()}
        expected = logits_of(model, {"token_ids": token_ids[:, part], **alone})
        np.testing.assert_allclose(packed[:, part], expected, atol=3e-4)


def test_a_global_token_is_seen_far_away_and_nothing_sees_the_future(model, inputs):
    given = {**inputs, "global_attention_mask": global_mask()}
    before = logits_of(model, given)
    for place, is_seen_far in ((1, True), (2, False), (12, False)):
        token_ids = inputs["token_ids"].copy()
        token_ids[0, place] = (token_ids[0, place] - 3 + 100) % 256 + 3
        changed = logits_of(model, {**given, "token_ids": token_ids})
        difference = np.abs(changed - before)[0].max(axis=-1)
        assert (difference[:place] < 1e-5).all()
        assert difference[place] > 1e-2
        if place != 2:
            assert (difference[-1] > 1e-3) == is_seen_far


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"global_attention_mask": zeros()}, "`use_global_attention=True`"),
        ({"segment_ids": zeros()}, r"no others than.*Received: \['segment_ids'"),
    ],
)
def test_an_unknown_input_is_refused(given, message):
    model = small_model("windowed", num_layers=1)
    with pytest.raises(ValueError, match=message):
        model({"token_ids": random_ids(2, LENGTH), **given})


def test_global_attention_needs_a_window_in_every_layer():
    with pytest.raises(ValueError, match="`use_global_attention` needs an `attention_"):
        small_model("full", use_global_attention=True)


def test_a_model_without_it_refuses_global_tokens_in_generation():
    model = small_model("lstm", num_layers=1)
    for call in (model.generate, model.stream):
        with pytest.raises(ValueError, match=r"use_global_attention=True.*Recurrent"):
            call("It", num_global_tokens=2)


IS_JAX = keras.backend.backend() == "jax"


@pytest.fixture(
    scope="module", params=[not IS_JAX, pytest.param(False, marks=pytest.mark.slow)]
)
def writer(request):
    """A model that generates eagerly where it can; the long suite compiles it too."""
    model = small_model("global")
    model.compile(sampler="greedy", jit_compile=IS_JAX, run_eagerly=request.param)
    return model


# With 9 the prompts are global up to their last tokens.
@pytest.mark.parametrize(
    "num_global_tokens", [2, pytest.param(9, marks=pytest.mark.slow)]
)
def test_generation_keeps_the_global_tokens_of_its_prompts(writer, num_global_tokens):
    prompts, max_length = ["It was", "话"], 20
    inputs = writer.preprocessor.generate_preprocess(prompts, max_length)
    mask = np.asarray(ops.convert_to_numpy(inputs["padding_mask"]), bool)
    written = writer.generate_step(
        inputs, options=GenerationOptions(num_global_tokens=num_global_tokens)
    )
    token_ids = ops.convert_to_numpy(written["token_ids"])
    # What a full pass makes of the same tokens.
    is_global = mask & (np.arange(max_length) < num_global_tokens)
    full = {"token_ids": token_ids, "global_attention_mask": is_global}
    predicted = logits_of(writer, full).argmax(axis=-1)
    is_written = ~mask[:, 1:]
    np.testing.assert_array_equal(
        predicted[:, :-1][is_written], token_ids[:, 1:][is_written]
    )


@pytest.mark.slow
def test_a_stream_keeps_the_global_tokens_of_its_prompt(writer):
    options = {"max_length": 20, "num_global_tokens": 2}
    written = writer.generate(["It was", "话"], **options)
    assert "It was" + "".join(writer.stream("It was", **options)) == written[0]
    assert writer.generate("It was", max_length=20) != written[0]
