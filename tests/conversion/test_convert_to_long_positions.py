"""Copied positions are worth what Longformer's paper says, at toy size on real text."""

import pytest

from training.recipes.masked_language_model import PositionsConfig, compare_positions

pytestmark = pytest.mark.slow


# Masked language modelling has no global token, and fitting says so.
@pytest.mark.filterwarnings("ignore:No token was global:UserWarning")
def test_random_positions_are_far_worse_than_copied_and_tuned_ones_are_best():
    losses = compare_positions(PositionsConfig(steps=500, tuning_steps=60))
    # Bytes without their neighbours are worth 3.18 nats.
    assert losses.short < 2.7
    assert losses.random > losses.copied + 0.5
    assert losses.copied < losses.short + 0.2
    assert losses.tuned < losses.copied - 0.01
