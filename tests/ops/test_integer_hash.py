"""The hash against unsigned arithmetic of Python."""

import numpy as np
import pytest
from keras import ops

from longkeras.ops.integer_hash import STEP, below, mixed

NUMBERS = [0, 1, 2, 255, 65536, 2**31 - 1, -1, -(2**31), STEP]


def murmur_finaliser(x):
    """MurmurHash3's 32-bit finaliser, as it is published."""
    x &= 0xFFFFFFFF
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return x ^ (x >> 16)


def test_it_is_the_finaliser_of_murmurhash():
    hashed = ops.convert_to_numpy(mixed(np.array(NUMBERS, "int32")))
    expected = np.array([murmur_finaliser(x) for x in NUMBERS], "uint32")
    np.testing.assert_array_equal(hashed, expected.view("int32"))


@pytest.mark.parametrize("limit", [1, 7, 2**16, 2**31 - 1])
def test_a_number_below_a_limit_is_never_negative(limit):
    hashed = mixed(np.arange(1000, dtype="int32"))
    found = ops.convert_to_numpy(below(hashed, limit))
    assert found.min() >= 0
    assert found.max() < limit


def test_neighbours_spread_evenly_over_bins():
    found = ops.convert_to_numpy(below(mixed(np.arange(64_000, dtype="int32")), 64))
    counts = np.bincount(found, minlength=64)
    # A thousand a bin; five standard deviations of chance.
    assert np.abs(counts - 1000).max() < 5 * 1000**0.5
