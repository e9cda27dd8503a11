"""The learning rate over a run."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.fitting import StagedLearningRate, WarmupStableDecay


def rates(schedule, steps):
    return [float(ops.convert_to_numpy(schedule(step))) for step in steps]


def test_it_rises_stays_and_falls_to_zero():
    schedule = WarmupStableDecay(0.5, warmup_steps=4, total_steps=20, decay_steps=5)
    expected = [0.125, 0.25, 0.375, *[0.5] * 13, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0]
    np.testing.assert_allclose(rates(schedule, range(22)), expected, atol=1e-6)


def test_the_plateau_does_not_depend_on_the_end():
    # What lets a run go on from a checkpoint to a later end.
    short, long = (
        WarmupStableDecay(0.5, warmup_steps=4, total_steps=total, decay_steps=5)
        for total in (20, 200)
    )
    assert rates(short, range(16)) == rates(long, range(16))


@pytest.mark.parametrize(("warmup", "decay"), [(0, 0), (0, 10), (10, 10)])
def test_parts_may_be_missing_or_overlap(warmup, decay):
    schedule = WarmupStableDecay(1.0, warmup, total_steps=10, decay_steps=decay)
    values = rates(schedule, range(12))
    assert min(values) == 0.0 and max(values) <= 1.0
    assert values[-2:] == [0.0, 0.0]
    assert np.isfinite(values).all()


def test_a_fall_longer_than_the_run_is_refused():
    with pytest.raises(ValueError, match=r"`decay_steps`.*decay_steps=11"):
        WarmupStableDecay(1.0, 0, total_steps=10, decay_steps=11)


def test_an_optimizer_keeps_it_through_its_config():
    schedule = WarmupStableDecay(0.5, warmup_steps=4, total_steps=20, decay_steps=5)
    optimizer = keras.optimizers.AdamW(schedule)
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_allclose(float(again.learning_rate), 0.125)
    again.iterations.assign(18)
    np.testing.assert_allclose(float(again.learning_rate), 0.2, rtol=1e-6)


def test_the_rate_falls_by_its_factor_at_each_stage():
    plateau = WarmupStableDecay(0.8, warmup_steps=2, total_steps=30, decay_steps=0)
    schedule = StagedLearningRate(plateau, stage_ends=[10, 20, 30], factor=0.5)
    steps = [0, 9, 10, 19, 20, 29]
    expected = [0.4, 0.8, 0.4, 0.4, 0.2, 0.2]
    np.testing.assert_allclose(rates(schedule, steps), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="`stage_ends` must rise"):
        StagedLearningRate(plateau, [10, 10], 0.5)
