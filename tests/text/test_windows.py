import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longkeras.text import byte_windows


@given(length=st.integers(0, 300), window=st.integers(1, 70), data=st.data())
def test_every_id_is_new_in_exactly_one_window(length, window, data):
    stride = data.draw(st.integers(1, window))
    ids = np.arange(length)
    windows = byte_windows(ids, window, stride)
    assert len(windows) == len(windows.starts) == len(list(windows))
    new = [
        piece[len(piece) - count :]
        for piece, count in zip(windows, windows.new_counts, strict=True)
    ]
    assert np.array_equal(np.concatenate([ids[:0], *new]), ids)
    assert windows.new_counts.sum() == length
    assert (windows.new_counts > 0).all()
    assert (windows.lengths <= window).all()
    assert (windows.lengths[:-1] == window).all()


@pytest.mark.parametrize("length", [1, 63, 64, 65, 1000])
def test_padded_windows_hold_the_windows_and_nothing_else(length):
    windows = byte_windows(np.arange(1, length + 1), 64, 32)
    token_ids, padding_mask = windows.padded()
    assert token_ids.shape == padding_mask.shape == (len(windows), 64)
    for row, piece in enumerate(windows):
        assert np.array_equal(token_ids[row, padding_mask[row]], piece)
        assert not token_ids[row, ~padding_mask[row]].any()
    some, _ = windows.padded(1, 3)
    assert np.array_equal(some, token_ids[1:3])


def test_text_and_bytes_become_byte_ids():
    assert byte_windows("é", 2)[0].tolist() == [0xC3 + 3, 0xA9 + 3]
    assert byte_windows(b"ab", 2)[0].tolist() == [100, 101]


def test_windows_do_not_overlap_by_default():
    windows = byte_windows("abcdefg", 3)
    assert windows.starts.tolist() == [0, 3, 6]


def test_windows_are_views_of_a_long_text():
    ids = np.zeros(1000, dtype=np.uint16)
    assert np.shares_memory(byte_windows(ids, 64, 32)[5], ids)


@pytest.mark.parametrize(("window", "stride"), [(0, None), (4, 5), (4, 0)])
def test_windows_that_would_drop_something_are_refused(window, stride):
    with pytest.raises(ValueError, match="Received"):
        byte_windows("abcdefg", window, stride)


def test_ids_must_be_one_row():
    with pytest.raises(ValueError, match="one row"):
        byte_windows(np.zeros((2, 3)), 4)
