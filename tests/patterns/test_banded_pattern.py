"""BandedPattern: what it accepts, what it counts, how it travels."""

import json
import pickle

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from longkeras.patterns import BandedPattern

dilations = st.one_of(
    st.integers(1, 9), st.lists(st.integers(1, 9), min_size=1, max_size=4)
)
patterns = st.builds(BandedPattern, st.integers(0, 20), st.integers(0, 20), dilations)
quick = hypothesis.settings(max_examples=50, derandomize=True, deadline=None)


@quick
@hypothesis.given(patterns)
def test_config_round_trip_through_json_gives_an_equal_pattern(pattern):
    config = json.loads(json.dumps(pattern.get_config()))

    restored = BandedPattern.from_config(config)

    assert restored == pattern
    assert hash(restored) == hash(pattern)
    assert pickle.loads(pickle.dumps(pattern)) == pattern


@quick
@hypothesis.given(st.integers(1, 500), dilations)
def test_causal_window_counts_the_query_itself(attention_window, dilation):
    pattern = BandedPattern.causal(attention_window, dilation)

    assert pattern.is_causal
    assert pattern.width == attention_window
    widest = max(pattern.dilations)
    assert pattern.ring_slots == (attention_window - 1) * widest + 1


@quick
@hypothesis.given(st.integers(1, 250), dilations)
def test_bidirectional_window_counts_both_sides_without_the_query(half, dilation):
    pattern = BandedPattern.bidirectional(2 * half, dilation)

    assert not pattern.is_causal
    assert pattern.left == pattern.right == half
    assert pattern.width == 2 * half + 1
    assert pattern.max_left == pattern.max_right == half * max(pattern.dilations)


@pytest.mark.parametrize("attention_window", [3, 5, 511])
def test_odd_bidirectional_window_is_refused(attention_window):
    with pytest.raises(ValueError, match=r"must be even.*Received: attention_window="):
        BandedPattern.bidirectional(attention_window)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"left": -1, "right": 0}, "left"),
        ({"left": 1.5, "right": 0}, "left"),
        ({"left": True, "right": 0}, "left"),
        ({"left": 0, "right": None}, "right"),
        ({"left": 0, "right": 0, "dilation": 0}, "dilation"),
        ({"left": 0, "right": 0, "dilation": ()}, "dilation"),
        ({"left": 0, "right": 0, "dilation": (1, 0)}, "dilation"),
        ({"left": 0, "right": 0, "dilation": "2"}, "dilation"),
    ],
)
def test_bad_arguments_are_named_in_the_error(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        BandedPattern(**arguments)


@pytest.mark.parametrize("attention_window", [0, -2])
def test_empty_windows_are_refused(attention_window):
    for constructor in (BandedPattern.causal, BandedPattern.bidirectional):
        with pytest.raises(ValueError, match="`attention_window`"):
            constructor(attention_window)


def test_lists_and_arrays_of_dilations_become_tuples():
    expected = BandedPattern(2, 0, (1, 3))

    assert BandedPattern(2, 0, [1, 3]) == expected
    assert BandedPattern(np.int64(2), np.int32(0), np.array([1, 3])) == expected
    assert len({expected, BandedPattern(2, 0, [1, 3])}) == 1


def test_a_pattern_cannot_be_changed():
    with pytest.raises(AttributeError):
        BandedPattern(1, 1).left = 2


def test_ring_slots_need_a_causal_pattern():
    with pytest.raises(ValueError, match="`right` must be 0"):
        _ = BandedPattern(1, 1).ring_slots


def test_one_dilation_serves_any_number_of_heads():
    assert BandedPattern(1, 1, 2).head_dilations(3) == (2, 2, 2)
    assert BandedPattern(1, 1, (2, 1)).head_dilations(2) == (2, 1)
    with pytest.raises(ValueError, match="one value per head"):
        BandedPattern(1, 1, (2, 1)).head_dilations(3)
