"""What a step takes, told from shapes."""

import dataclasses

import keras
import numpy as np

from longkeras.data import Book, ByteCorpus
from longkeras.fitting import MemoryPlan, plan_memory
from tests.models.small_models import small_model

CORPUS = ByteCorpus([Book("one", "en", "It was the best of times. " * 40)])


def plan_of(sequence_length, batch_size=2):
    model = small_model("windowed", num_layers=2)
    model.compile(keras.optimizers.Adam(), weighted_metrics=[])
    windows = CORPUS.training_windows(sequence_length, batch_size)
    return model, plan_memory(model, windows[0])


def test_weights_gradients_and_moments_are_counted_exactly():
    model, plan = plan_of(16)
    assert plan.weights == plan.gradients == 4 * model.count_params()
    # Two moments a weight, the step and the rate.
    assert 0 <= plan.optimizer - 2 * plan.weights <= 64
    logits = 2 * 16 * model.backbone.vocabulary_size * 4
    assert plan.loss == 2 * logits


def test_activations_grow_with_batch_and_length():
    _, one = plan_of(16)
    _, longer = plan_of(64)
    _, wider = plan_of(16, batch_size=8)
    assert longer.activations == wider.activations == 4 * one.activations
    hidden = 2 * 16 * 4 * small_model("windowed").backbone.hidden_dim
    assert one.layers["transformer_layer_1"] == hidden


def test_a_plan_that_does_not_fit_says_what_to_do():
    plan = MemoryPlan(10, 10, 20, {"a": 2**30}, 2**20, 2**29)
    assert plan.needed == plan.total + plan.activations
    assert "1/5 as large" in plan.advice
    assert dataclasses.replace(plan, times=4).advice.count("1/9 as large") == 1
    assert "RematScope" in str(plan) and "2,050.0 MiB should be" in str(plan)
    small = dataclasses.replace(plan, available=30)
    assert "alone do not fit" in small.advice
    for free in (2**40, None):
        assert dataclasses.replace(plan, available=free).advice == ""


def test_nothing_is_computed_for_a_plan():
    model = small_model("windowed", num_layers=1)
    model.compile(keras.optimizers.Adam(), weighted_metrics=[])
    # A hundred gigabytes of activations.
    inputs = {
        name: np.lib.stride_tricks.as_strided(
            np.zeros(1, "int32"), (2**15, 2**15), (0, 0)
        )
        for name in ("token_ids", "padding_mask")
    }
    assert plan_memory(model, (inputs,)).activations > 10**11
