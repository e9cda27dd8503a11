"""dense_mask against the sentence that defines the pattern."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from longkeras.patterns import BandedPattern, dense_mask

quick = hypothesis.settings(max_examples=60, derandomize=True, deadline=None)


def sees(query_position, key_position, left, right, dilation):
    return any(
        key_position - query_position == k * dilation for k in range(-left, right + 1)
    )


@quick
@hypothesis.given(
    left=st.integers(0, 6),
    right=st.integers(0, 6),
    head_dilations=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    query_length=st.integers(1, 12),
    key_length=st.integers(1, 20),
    query_start=st.integers(0, 8),
)
def test_mask_says_what_the_definition_says(
    left, right, head_dilations, query_length, key_length, query_start
):
    pattern = BandedPattern(left, right, head_dilations)

    mask = dense_mask(pattern, query_length, key_length, query_start=query_start)

    assert mask.shape == (len(head_dilations), query_length, key_length)
    assert mask.dtype == bool
    for head, dilation in enumerate(head_dilations):
        for i in range(query_length):
            for j in range(key_length):
                expected = sees(query_start + i, j, left, right, dilation)
                assert mask[head, i, j] == expected


@quick
@hypothesis.given(
    left=st.integers(0, 9), dilation=st.integers(1, 4), length=st.integers(1, 30)
)
def test_causal_mask_never_shows_the_future(left, dilation, length):
    mask = dense_mask(BandedPattern(left, 0, dilation), length)

    assert not np.triu(mask[0], k=1).any()
    assert np.diagonal(mask[0]).all()


def test_a_chunk_with_history_continues_the_whole_mask():
    pattern = BandedPattern(5, 2, (1, 3))
    whole = dense_mask(pattern, 20)

    chunk = dense_mask(pattern, query_length=8, key_length=20, query_start=12)

    np.testing.assert_array_equal(chunk, whole[:, 12:])


def test_keys_end_with_the_last_query_by_default():
    assert dense_mask(BandedPattern(1, 1), 3, query_start=4).shape == (1, 3, 7)


def test_number_of_heads_can_be_asked_for():
    assert dense_mask(BandedPattern(1, 1), 4, num_heads=5).shape == (5, 4, 4)
    with pytest.raises(ValueError, match="one value per head"):
        dense_mask(BandedPattern(1, 1, (1, 2)), 4, num_heads=5)
