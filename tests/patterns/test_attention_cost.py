"""The cost model against counting."""

import hypothesis
from hypothesis import strategies as st

from longkeras.patterns import (
    BandedPattern,
    attention_cost,
    dense_mask,
    full_attention_cost,
)

quick = hypothesis.settings(max_examples=60, derandomize=True, deadline=None)


@quick
@hypothesis.given(
    left=st.integers(0, 12),
    right=st.integers(0, 12),
    head_dilations=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    length=st.integers(1, 40),
)
def test_pairs_are_those_of_the_mask(left, right, head_dilations, length):
    pattern = BandedPattern(left, right, head_dilations)

    cost = attention_cost(pattern, length, len(head_dilations), head_dim=8)

    assert cost.score_entries == dense_mask(pattern, length).sum()
    assert cost.flops == 4 * 8 * cost.score_entries


@quick
@hypothesis.given(st.integers(1, 50), st.booleans())
def test_a_band_as_wide_as_the_text_costs_as_much_as_full_attention(length, causal):
    band = BandedPattern(left=length, right=0 if causal else length)

    assert attention_cost(band, length, 4, 16) == full_attention_cost(
        length, 4, 16, causal=causal
    )


def test_a_band_costs_linear_and_full_attention_quadratic_memory():
    pattern = BandedPattern.causal(128)
    short, long = 8_192, 16_384

    band_ratio = (
        attention_cost(pattern, long, 4, 64).bytes
        / attention_cost(pattern, short, 4, 64).bytes
    )
    full_ratio = (
        full_attention_cost(long, 4, 64).bytes / full_attention_cost(short, 4, 64).bytes
    )

    assert 2.0 <= band_ratio < 2.02
    assert 3.8 < full_ratio < 4.0


def test_an_empty_text_costs_nothing():
    assert attention_cost(BandedPattern(3, 3), 0, 2, 8).score_entries == 0
