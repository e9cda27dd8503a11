"""What training keeps of an encoder layer, and that it makes no difference."""

import functools

import keras
import numpy as np
import pytest

from longkeras.layers import LongformerEncoderLayer, longformer_encoder_layer

LENGTH = 12


@functools.cache
def _kept():
    """The weights after training that keeps everything, one operation at a time."""
    return _trained(jit_compile=False)


def _trained(jit_compile):
    """The weights after two steps with both sorts of dropout."""
    layer = LongformerEncoderLayer(
        16, 2, 4, dropout=0.3, attention_dropout=0.3, kernel_initializer="ones", seed=1
    )
    x = keras.Input((LENGTH, 8))
    is_global = keras.ops.cast(x[:, :, 0] > 1.0, "bool")
    model = keras.Model(x, layer(x, global_attention_mask=is_global))
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    inputs, targets = rng.normal(size=(2, 3, LENGTH, 8)).astype("float32")
    for _ in range(2):
        model.train_on_batch(inputs, targets)
    return model.get_weights()


@pytest.mark.parametrize(
    "jit_compile",
    [False]
    if keras.backend.backend() == "torch"
    else [False, pytest.param(True, marks=pytest.mark.slow_on("tensorflow"))],
)
def test_attention_computed_again_gives_the_same_steps(jit_compile, monkeypatch):
    kept = _kept()
    monkeypatch.setattr(longformer_encoder_layer, "_LONG", LENGTH)
    for ours, expected in zip(_trained(jit_compile), kept, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_a_long_text_has_its_attention_computed_again(monkeypatch):
    monkeypatch.setattr(longformer_encoder_layer, "_LONG", LENGTH)
    layer = LongformerEncoderLayer(16, 2, 4)
    layer.build((1, LENGTH, 8))
    calls = []
    attend = layer.attention.recomputed

    def noted(hidden_states, **options):
        calls.append(hidden_states.shape[1])
        return attend(hidden_states, **options)

    monkeypatch.setattr(layer.attention, "recomputed", noted)
    for length in (LENGTH - 1, LENGTH):
        layer(np.ones((1, length, 8), "float32"), training=True)
    layer(np.ones((1, LENGTH, 8), "float32"), training=False)
    assert calls == [LENGTH]
