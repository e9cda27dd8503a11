"""p(A) · p(B | A) = p(AB), in every way to score a text."""

import numpy as np
import pytest

from longkeras.evaluation import ByteTextModel, CausalLMTextModel, bits_per_byte
from longkeras.serving.inspection import inspect_place
from longkeras.serving.reading import read_document
from tests.evaluation.test_text_requests import small_gpt2
from tests.models.small_models import CONTEXT_LENGTH, small_model

PARTS = [
    ("凡有", "钱的单身汉"),
    pytest.param("It is ", "a truth", marks=pytest.mark.slow),
    pytest.param("a", "b", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=["windowed", "full"], name="model")
def _model(request):
    model = small_model(request.param, num_layers=1, sequence_length=CONTEXT_LENGTH)
    # One call each: not worth a program.
    model.compiled_prefill, model.compiled_step = model.prefill, model.step
    return model


def by_requests(wrapper, context, continuation):
    ((loglikelihood, _),) = wrapper.loglikelihood([(context, continuation)])
    return loglikelihood


def by_bits(bits, context):
    return -float(np.sum(bits[len(context.encode()) :], dtype="float64") * np.log(2))


def scores(model, context, continuation):
    """Log-probability of a continuation, by every interface."""
    text = context + continuation
    found = {
        "bytes": by_requests(ByteTextModel(model), context, continuation),
        "tokens": by_requests(CausalLMTextModel(model), context, continuation),
        "page": by_bits(read_document(model, text, name="model").bits, context),
    }
    limited = model.context_length is not None
    for protocol in ["strided", "segment"] if limited else ["streaming"]:
        bits = bits_per_byte(model, text, protocol, return_bits=True).bits
        found[protocol] = by_bits(bits, context)
    if not context:
        for wrapper in (ByteTextModel(model), CausalLMTextModel(model)):
            (rolled,) = wrapper.loglikelihood_rolling([text])
            found[f"rolling {type(wrapper).__name__}"] = rolled
    return found


@pytest.mark.parametrize(("first", "second"), PARTS)
def test_a_text_is_as_probable_as_its_parts_one_after_the_other(model, first, second):
    whole, before = scores(model, "", first + second), scores(model, "", first)
    after = scores(model, first, second)
    for name, score in after.items():
        assert before[name] + score == pytest.approx(whole[name], abs=1e-3), name
    for found in (whole, before, after):
        assert np.ptp(list(found.values())) < 1e-3, found


@pytest.mark.parametrize(
    "model", ["full", pytest.param("windowed", marks=pytest.mark.slow)], indirect=True
)
def test_both_wrappers_agree_beyond_the_context_too(model):
    text = "It is a truth universally acknowledged, " * 4
    wrappers = ByteTextModel(model), CausalLMTextModel(model)
    for requests in ([(text, "that a man")], [("It is", text)], [("", text)]):
        ours, theirs = (wrapper.loglikelihood(requests)[0][0] for wrapper in wrappers)
        assert ours == pytest.approx(theirs, rel=1e-4)
    ours, theirs = (wrapper.loglikelihood_rolling([text])[0] for wrapper in wrappers)
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours == pytest.approx(by_bits(read_document(model, text).bits, ""), rel=1e-4)


@pytest.mark.parametrize(
    "model", ["windowed", pytest.param("full", marks=pytest.mark.slow)], indirect=True
)
def test_what_is_said_of_a_place_is_its_surprise(model):
    reading = read_document(model, "It 凡有 was", name="model")
    for index in (0, 3, 8):
        place = inspect_place(model, reading, index, top_k=1)
        assert place.is_whole_context
        surprise = -np.log2(place.actual_probability)
        assert surprise == pytest.approx(reading.character_bits[index], abs=1e-3)


def test_a_model_of_kerashub_keeps_the_rule_over_the_tokens_of_the_whole():
    model = CausalLMTextModel(small_gpt2())
    assert len(model._ids("Call me Ish")) == 8
    whole = by_requests(model, "", "Call me Ish")
    assert model.loglikelihood_rolling(["Call me Ish"]) == [pytest.approx(whole)]
    # The second part begins where a token does.
    for first, second in [("Call", " me Ish"), ("Call me", " Ish")]:
        parts = by_requests(model, "", first) + by_requests(model, first, second)
        assert parts == pytest.approx(whole, abs=1e-4)


def test_a_tokenizer_that_marks_no_beginning_is_refused():
    gpt2 = small_gpt2()
    tokenizer = gpt2.preprocessor.tokenizer
    tokenizer.start_token_id = tokenizer.end_token_id = None
    with pytest.raises(ValueError, match="a start token or an end token"):
        CausalLMTextModel(gpt2)
