"""Dropout drawn from counters: the oracle's mask, the right share, no two alike."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import reference_attention
from longkeras.ops.attention import dropout
from longkeras.patterns import BandedPattern
from tests.ops import oracle
from tests.ops.gradients import as_array


def kept(seed, batch_size, positions, num_heads, key_positions, rate):
    """The op's mask as a bool array `(batch, heads, queries, keys)`."""
    query_numbers = dropout.query_numbers(
        dropout.draw_seed(seed),
        batch_size,
        ops.convert_to_tensor(positions, dtype="int32"),
        num_heads,
    )
    key_numbers = dropout.key_numbers(ops.convert_to_tensor(key_positions))
    keep = dropout.kept(query_numbers[..., None], key_numbers, rate)
    return np.swapaxes(ops.convert_to_numpy(keep), 1, 2)


@pytest.mark.parametrize(
    "seed", [0, 1, 1337, -1, -(2**31), 2**31 - 1, 2**31, 2**32 + 7]
)
def test_the_oracle_keeps_the_same_weights(seed):
    positions = np.array([0, 1, 5, 1_000_000], "int32")
    key_positions = np.array([0, 1, 2, 64, 2**20, 2**31 - 2], "int32")

    keep = kept(seed, 2, positions, 3, key_positions, 0.4)

    for row, head, query in np.ndindex(2, 3, len(positions)):
        expected = oracle.keeps(
            seed, row, head, int(positions[query]), key_positions, 0.4
        )
        np.testing.assert_array_equal(keep[row, head, query], expected)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate(rate):
    keep = kept(3, 4, np.arange(160), 4, np.arange(200), rate)

    # Five standard deviations of as many independent draws.
    assert abs(keep.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / keep.size)
    for axes in ((1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)):
        shares = keep.mean(axis=axes)
        draws = keep.size / shares.size
        assert abs(shares - (1 - rate)).max() < 5 * np.sqrt(rate * (1 - rate) / draws)


def test_no_two_rows_heads_queries_keys_or_seeds_draw_alike():
    length = 128
    masks = np.concatenate(
        [kept(seed, 2, np.arange(length), 2, np.arange(length), 0.5) for seed in (1, 2)]
    ).reshape(8, length, length)

    for one, other in itertools.combinations(masks, 2):
        assert_unrelated(one, other)
        assert_unrelated(one, other.T)
    for mask in masks:
        assert_unrelated(mask[1:], mask[:-1])
        assert_unrelated(mask[:, 1:], mask[:, :-1])
        assert_unrelated(mask[1:, 1:], mask[:-1, :-1])
        above = np.triu_indices(length, 1)
        assert_unrelated(mask[above], mask.T[above])


def assert_unrelated(one, other):
    signs = (2.0 * one - 1) * (2.0 * other - 1)
    assert abs(signs.mean()) < 5 / np.sqrt(signs.size)


def test_a_seed_generator_moves_on_and_starts_again_from_its_seed():
    def draws():
        generator = keras.random.SeedGenerator(7)
        return [int(dropout.draw_seed(generator)) for _ in range(5)]

    assert len(set(draws())) == 5
    assert draws() == draws()


def test_a_seed_may_be_a_tensor_or_a_generator():
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(1, 9, 2, 4)))
    x = ops.cast(x, "float32")
    pattern = BandedPattern(4, 4)

    def dropped(seed):
        return as_array(reference_attention(x, x, x, pattern, dropout=0.5, seed=seed))

    tensor = ops.convert_to_tensor(5, dtype="int32")
    np.testing.assert_array_equal(dropped(tensor), dropped(5))
    assert (dropped(6) != dropped(5)).any()
    generator = keras.random.SeedGenerator(5)
    assert (dropped(generator) != dropped(generator)).any()


def test_what_stays_is_scaled_up_so_that_the_mean_stays():
    pattern = BandedPattern(300, 300)
    x = ops.zeros((4, 300, 4, 2))
    value = ops.ones_like(x)

    output = as_array(reference_attention(x, x, value, pattern, dropout=0.3, seed=11))

    assert abs(output.mean() - 1.0) < 5e-3
    assert 0.02 < output[..., 0].std() < 0.06
