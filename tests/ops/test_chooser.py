"""The chooser: one choice, linear memory on long texts, reasons in words."""

import hypothesis
import pytest
from hypothesis import strategies as st

from longkeras.ops import chooser, explain
from longkeras.patterns import BandedPattern

lengths = st.one_of(st.none(), st.integers(1, 100_000))


@hypothesis.given(st.integers(0, 5000), st.integers(0, 5000), lengths, lengths)
def test_exactly_one_implementation_is_chosen_and_it_can_run(
    left, right, query_length, key_length
):
    found = chooser.candidates(BandedPattern(left, right), query_length, key_length)

    chosen = [candidate for candidate in found if candidate.chosen]
    assert len(chosen) == 1
    assert chosen[0].can_run


@pytest.mark.parametrize("length", [4096, 100_000, None])
def test_a_long_or_unknown_length_never_gets_a_matrix(length):
    for pattern in (BandedPattern.causal(64), BandedPattern(length or 4096, 0)):
        assert "blocked: chosen" in explain(pattern, query_length=length)


def test_a_short_text_gets_one_matrix():
    pattern = BandedPattern.causal(64)

    assert "dense: chosen" in explain(pattern, query_length=100)
    assert "blocked: not chosen" in explain(pattern, query_length=100)


def test_an_unknown_implementation_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'auto' or one of 'dense', 'blocked'"):
        chooser.choose("quick", BandedPattern(1, 1), 8, 8)
