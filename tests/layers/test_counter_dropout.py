"""`CounterDropout`: what it drops, when, and that its seed says all."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import CounterDropout

ONES = np.ones((8, 64, 32), "float32")


def _dropped(rate=0.25, seed=3, inputs=ONES, **options):
    return np.array(CounterDropout(rate, seed=seed, **options)(inputs, training=True))


def test_it_drops_its_share_and_the_others_grow():
    dropped = _dropped()
    assert np.unique(dropped) == pytest.approx([0.0, 1 / 0.75])
    # Five standard deviations of 16,384 draws.
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.017)


def test_rows_columns_and_neighbours_are_dropped_independently():
    zeros = (_dropped(0.5, inputs=np.ones((256, 256), "float32")) == 0) - 0.5
    for shifted in (np.roll(zeros, 1, axis=0), np.roll(zeros, 1, axis=1)):
        assert abs(np.mean(zeros * shifted)) < 5 * 0.25 / 256
    assert np.std(np.mean(zeros, axis=0)) == pytest.approx(0.5 / 16, rel=0.25)
    assert np.std(np.mean(zeros, axis=1)) == pytest.approx(0.5 / 16, rel=0.25)


def test_a_seed_says_what_is_dropped_and_a_call_moves_it_on():
    layer = CounterDropout(0.25, seed=3)
    first, second = (np.array(layer(ONES, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first, _dropped(seed=3))
    assert np.mean(first != second) > 0.2
    assert np.mean(first != _dropped(seed=4)) > 0.2


@pytest.mark.parametrize("shape", [(9,), (3, 5), (2, 3, 4), (2, 3, 4, 5)])
def test_any_shape_is_dropped_as_its_rows_are(shape):
    inputs = np.ones(shape, "float32")
    dropped = _dropped(0.5, inputs=inputs)
    rows = _dropped(0.5, inputs=inputs.reshape((-1, shape[-1])))
    np.testing.assert_array_equal(dropped.reshape(rows.shape), rows)


def test_only_training_drops():
    layer = CounterDropout(0.9, seed=0)
    for training in (False, None):
        np.testing.assert_array_equal(np.array(layer(ONES, training=training)), ONES)
    assert not _dropped(rate=1.0).any()
    np.testing.assert_array_equal(_dropped(rate=0.0), ONES)


def test_half_precision_stays_what_it_is():
    layer = CounterDropout(0.25, seed=3, dtype="mixed_bfloat16")
    dropped = layer(ONES, training=True)
    assert keras.backend.standardize_dtype(dropped.dtype) == "bfloat16"
    kept = np.array(ops.cast(dropped, "float32")) > 0
    np.testing.assert_array_equal(kept, _dropped() > 0)


def test_lengths_may_be_unknown():
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, CounterDropout(0.5, seed=1)(inputs))
    assert model.output_shape == (None, None, 4)
    rows = np.ones((2, 7, 4), "float32")
    np.testing.assert_array_equal(model.predict(rows, verbose=0), rows)


def test_a_noise_shape_locks_what_is_dropped_along_an_axis():
    locked = _dropped(0.5, noise_shape=(None, 1, None))
    np.testing.assert_array_equal(locked, np.repeat(locked[:, :1], 64, axis=1))
    assert np.mean(locked == 0) == pytest.approx(0.5, abs=5 * 0.5 / 16)


def test_every_backend_drops_these():
    dropped = _dropped(0.5, seed=0, inputs=np.ones((2, 8), "float32"))
    assert np.flatnonzero(dropped == 0).tolist() == [0, 1, 2, 4, 5, 13]
