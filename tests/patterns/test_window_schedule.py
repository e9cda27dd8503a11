"""Growing windows: ends, order, doubling."""

import hypothesis
import pytest
from hypothesis import strategies as st

from longkeras.patterns import growing_windows

quick = hypothesis.settings(max_examples=100, derandomize=True, deadline=None)


@quick
@hypothesis.given(st.integers(2, 24), st.integers(1, 64), st.integers(0, 8))
def test_windows_rise_by_doublings_from_first_to_last(num_layers, first, doublings):
    windows = growing_windows(num_layers, first, first * 2**doublings)

    assert len(windows) == num_layers
    assert windows[0] == first
    assert windows[-1] == first * 2**doublings
    assert windows == sorted(windows)
    assert all(window % first == 0 for window in windows)
    if num_layers > doublings:
        assert set(windows) == {first * 2**i for i in range(doublings + 1)}


@quick
@hypothesis.given(st.integers(1, 24), st.integers(1, 64), st.integers(0, 1000))
def test_any_last_window_is_reached_and_never_passed(num_layers, first, extra):
    windows = growing_windows(num_layers, first, first + extra)

    assert windows[-1] == max(windows) == first + extra
    assert min(windows) >= first


def test_known_schedules():
    assert growing_windows(4, 16, 128) == [16, 32, 64, 128]
    assert growing_windows(6, 32, 128) == [32, 32, 64, 64, 128, 128]
    assert growing_windows(3, 64, 64) == [64, 64, 64]
    assert growing_windows(1, 32, 512) == [512]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0, 1, 2), "num_layers"), ((2, 0, 2), "first"), ((2, 4, 2), "last")],
)
def test_impossible_schedules_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}="):
        growing_windows(*arguments)
