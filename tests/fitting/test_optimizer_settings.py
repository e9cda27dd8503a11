"""Optimizers from their settings: steps, schedules and what is refused."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.fitting import OptimizerSettings

SETTINGS = OptimizerSettings(
    learning_rate=0.01,
    steps=10,
    warmup_steps=0,
    decay_fraction=0.0,
    weight_decay=0.0,
    clip_norm=1.0,
)


def _step(name):
    """What one step changes in an embedding and in a kernel."""
    optimizer = dataclasses.replace(SETTINGS, optimizer=name).build_optimizer()
    model = keras.Sequential([keras.layers.Embedding(7, 5), keras.layers.Dense(3)])
    model.build((None, 2))
    optimizer.build(model.trainable_variables)
    before = [ops.convert_to_numpy(x) for x in (model.weights[0], model.weights[1])]
    rng = np.random.default_rng(0)
    gradients = [
        ops.convert_to_tensor(rng.normal(size=x.shape), "float32")
        for x in model.trainable_variables
    ]
    optimizer.apply(gradients, model.trainable_variables)
    after = [ops.convert_to_numpy(x) for x in (model.weights[0], model.weights[1])]
    return [new - old for new, old in zip(after, before, strict=True)]


def test_muon_turns_matrices_alike_in_all_directions_and_embeddings_as_adamw():
    muon_embedding, muon_kernel = _step("muon")
    adamw_embedding, adamw_kernel = _step("adamw")
    values = np.linalg.svd(muon_kernel, compute_uv=False)
    assert values.min() > 0.6 * values.max()  # five steps of Newton and Schulz
    np.testing.assert_allclose(muon_embedding, adamw_embedding, rtol=1e-3)
    assert not np.allclose(muon_kernel, adamw_kernel, rtol=0.1)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match=r"`optimizer` must be one of.*'lion'"):
        dataclasses.replace(SETTINGS, optimizer="lion")


@dataclasses.dataclass(frozen=True)
class _Config:
    """A configuration with other fields, some settings, and a computed one."""

    hidden_dim: int = 8
    learning_rate: float = 0.5
    warmup_steps: int = 4
    decay_fraction: float = 0.25
    weight_decay: float = 0.1
    clip_norm: float = 2.0
    epochs: int = 4

    @property
    def steps(self):
        return 5 * self.epochs


def test_settings_are_the_fields_of_a_configuration_and_what_is_given():
    config = _Config()
    settings = OptimizerSettings.from_config(
        config, steps=config.steps, stage_ends=(10, 20), stage_rate=0.5
    )
    assert settings.optimizer == "adamw"
    optimizer = settings.build_optimizer()
    optimizer.build([keras.Variable([0.0])])
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.1, 2.0)
    rates = []
    for step in (0, 9, 10, 15, 18, 20):
        optimizer.iterations.assign(step)
        rates.append(float(ops.convert_to_numpy(optimizer.learning_rate)))
    np.testing.assert_allclose(rates, [0.125, 0.5, 0.25, 0.25, 0.1, 0.0], rtol=1e-5)
    with pytest.raises(TypeError, match="steps"):
        OptimizerSettings.from_config(config)


def test_sgd_keeps_its_learning_rate():
    optimizer = dataclasses.replace(
        SETTINGS, optimizer="sgd", warmup_steps=5
    ).build_optimizer()
    optimizer.build([keras.Variable([0.0])])
    for step in (0, 9):
        optimizer.iterations.assign(step)
        rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        assert rate == pytest.approx(0.01)
