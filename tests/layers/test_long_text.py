"""What layers do otherwise from some hundred tokens on changes no number."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import LongformerEncoderLayer
from longkeras.ops.attention import dispatch
from longkeras.ops.backend import xla_compile
from tests.ops.gradients import outputs_and_gradients

LENGTH = 520


@pytest.mark.parametrize(
    "training",
    [pytest.param(False, marks=pytest.mark.slow_on("tensorflow")), True],
)
def test_a_long_text_is_encoded_as_short_ones_are(monkeypatch, training):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, LENGTH, 8)).astype("float32")
    masks = {
        "padding_mask": np.arange(LENGTH) < [[LENGTH], [300]],
        "global_attention_mask": np.arange(LENGTH) < [[0], [3]],
    }

    def encode():
        layer = LongformerEncoderLayer(
            intermediate_dim=16,
            num_heads=2,
            attention_window=8,
            dropout=0.1,
            attention_dropout=0.1,
            kernel_initializer=keras.initializers.GlorotUniform(seed=1),
            seed=1,
        )
        layer.build(x.shape)
        call = functools.partial(layer, training=training, **masks)
        return outputs_and_gradients(call, [ops.convert_to_tensor(x)], x)

    output, (gradient,) = encode()
    monkeypatch.setattr(dispatch, "_LONG", LENGTH + 1)
    limits = dict.fromkeys(("eager", "graph"), LENGTH + 1)
    monkeypatch.setattr(xla_compile, "_LEAST_LENGTH", limits)
    expected, (expected_gradient,) = encode()

    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, atol=5e-5)
