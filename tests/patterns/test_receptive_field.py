"""Receptive fields against products of dense masks."""

import functools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from longkeras.patterns import (
    BandedPattern,
    dense_mask,
    reachable_offsets,
    receptive_field,
)

quick = hypothesis.settings(max_examples=40, derandomize=True, deadline=None)
patterns = st.builds(
    BandedPattern,
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.integers(1, 3), min_size=1, max_size=2),
)


@quick
@hypothesis.given(st.lists(patterns, min_size=1, max_size=3))
def test_offsets_are_those_that_a_chain_of_masks_connects(layers):
    field = receptive_field(layers)
    length = field.width
    one_step = [dense_mask(layer, length).any(axis=0) for layer in layers]
    connected = functools.reduce(lambda a, b: (a.astype(int) @ b) > 0, one_step)

    offsets = reachable_offsets(layers)

    # Read from the one position that no edge of the text cuts short.
    expected = np.flatnonzero(connected[field.left]) - field.left
    np.testing.assert_array_equal(offsets, expected)
    assert (offsets[0], offsets[-1]) == (-field.left, field.right)


def test_depth_multiplies_a_window():
    field = receptive_field(BandedPattern.bidirectional(512), num_layers=12)

    assert (field.left, field.right, field.width) == (3072, 3072, 6145)


def test_dilation_leaves_gaps_that_other_heads_fill():
    sparse = BandedPattern(1, 0, 2)
    mixed = BandedPattern(1, 0, (1, 2))

    assert reachable_offsets(sparse, num_layers=2).tolist() == [-4, -2, 0]
    assert reachable_offsets(mixed, num_layers=2).tolist() == [-4, -3, -2, -1, 0]


def test_the_number_of_layers_must_be_known_and_agree():
    with pytest.raises(ValueError, match="`num_layers` must be given"):
        receptive_field(BandedPattern(1, 1))
    with pytest.raises(ValueError, match="`num_layers` must equal"):
        receptive_field([BandedPattern(1, 1)], num_layers=2)
