import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from tests.training.tiny_contestants import TINY_CONTESTANTS
from training.optimizers import build_optimizer

CONFIG = dataclasses.replace(
    next(iter(TINY_CONTESTANTS.values())), warmup_steps=0, weight_decay=0.0
)


def _step(name):
    """What one step changes in an embedding and in a kernel."""
    optimizer = build_optimizer(dataclasses.replace(CONFIG, optimizer=name))
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
    config = dataclasses.replace(CONFIG, optimizer="sgd")
    with pytest.raises(ValueError, match=r"`optimizer` must be one of.*'sgd'"):
        build_optimizer(config)
