"""Choice of a kernel: one choice, linear memory on long texts, reasons in words."""

import hypothesis
import keras
import pytest
from hypothesis import strategies as st

from longkeras.ops import explain
from longkeras.ops.attention import dispatch
from longkeras.patterns import BandedPattern

lengths = st.one_of(st.none(), st.integers(1, 100_000))


patterns = st.builds(BandedPattern, st.integers(0, 5000), st.integers(0, 5000))


@hypothesis.given(
    st.builds(
        dispatch.CallSignature,
        patterns,
        lengths,
        lengths,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, "projected", "absorbable"]),
        st.sampled_from(["tensorflow", "jax", "torch"]),
        st.sampled_from(["cpu", "gpu"]),
        st.booleans(),
    )
)
def test_exactly_one_implementation_is_chosen_and_it_can_run(signature):
    found = dispatch.candidates(signature)

    chosen = [candidate for candidate in found if candidate.chosen]
    assert len(chosen) == 1
    assert chosen[0].can_run


@pytest.mark.parametrize("length", [4096, 100_000, None])
def test_a_long_or_unknown_length_never_gets_a_matrix(length):
    for pattern in (BandedPattern.causal(64), BandedPattern(length or 4096, 0)):
        said = explain(pattern, query_length=length, has_dropout=True)
        assert "blocked: chosen" in said


def test_a_short_text_gets_one_matrix():
    pattern = BandedPattern.causal(64)

    said = explain(pattern, query_length=100, has_dropout=True)
    assert "dense: chosen" in said
    assert "blocked: not chosen" in said


def test_a_narrow_band_of_a_longer_text_gets_a_walk():
    narrow, wide = (
        explain(BandedPattern(reach, reach), query_length=512, has_dropout=True)
        for reach in (32, 256)
    )
    assert "blocked: chosen" in narrow
    assert "dense: chosen" in wide


@pytest.mark.parametrize("length", [100, 4096, None])
def test_the_fused_kernel_serves_pytorch_where_nothing_is_dropped(length):
    on_torch = keras.backend.backend() == "torch"
    pattern = BandedPattern.causal(64)

    said = explain(pattern, query_length=length)
    assert ("scaled_dot_product: chosen" in said) == on_torch
    said = explain(pattern, query_length=length, has_dropout=True)
    assert "scaled_dot_product: cannot run" in said


@pytest.mark.parametrize("pattern", [BandedPattern(99, 99), BandedPattern(120, 0)])
def test_a_band_that_covers_the_text_gets_full_attention(pattern):
    taken = "dense" if keras.backend.backend() == "jax" else "full"
    assert f"{taken}: chosen" in explain(pattern, query_length=100)


@pytest.mark.parametrize(
    ("pattern", "signature", "reason"),
    [
        (BandedPattern(98, 99), {}, "does not cover"),
        (BandedPattern(99, 1), {}, "does not cover"),
        (BandedPattern(99, 99, 2), {}, "dilated"),
        (BandedPattern(99, 99), {"is_masked": True}, "global keys"),
        (BandedPattern(99, 99), {"has_dropout": True}, "dropout"),
        (BandedPattern(99, 99), {"key_length": 110}, "history"),
    ],
)
def test_full_attention_is_refused_where_it_would_answer_otherwise(
    pattern, signature, reason
):
    said = explain(pattern, query_length=100, **signature)

    assert "full: cannot run" in said
    assert reason in said
    signature = dispatch.CallSignature(
        pattern, 100, **({"key_length": 100} | signature)
    )
    with pytest.raises(ValueError, match=rf"cannot run here: .*{reason}"):
        dispatch.plan(signature, "full")


def test_an_unknown_implementation_is_refused_with_the_names_there_are():
    signature = dispatch.CallSignature(BandedPattern(1, 1), 8, 8)

    with pytest.raises(ValueError, match=r"'auto' or one of 'full', 'scaled"):
        dispatch.plan(signature, "quick")
