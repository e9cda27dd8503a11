"""Activations that are trained, and the encoder layer that has them."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import XIELU, LongformerEncoderLayer, SharedPReLU
from longkeras.models import LongformerBackbone
from tests.models.longformer.small_longformer import (
    outputs_of,
    random_inputs,
    small_backbone,
)

ACTIVATIONS = {"prelu": SharedPReLU, "xielu": XIELU}
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def test_a_slope_below_zero_is_one_number_for_all():
    layer = SharedPReLU()
    x = np.array([[-4.0, 0.0, 2.0], [-1.0, 3.0, -2.0]], "float32")
    actual = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(actual, np.where(x > 0, x, 0.25 * x))
    assert [tuple(weight.shape) for weight in layer.weights] == [(1,)]


def test_xielu_is_smooth_and_finite_far_from_zero():
    layer = XIELU(alpha_positive=0.5, alpha_negative=2.0, beta=0.75)
    x = np.array([-1e4, -2.0, -1e-3, 0.0, 1e-3, 2.0, 1e4], "float32")
    below = 2.0 * (np.expm1(np.minimum(x, 0)) - x) + 0.75 * x
    expected = np.where(x > 0, 0.5 * x**2 + 0.75 * x, below)
    actual = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=3e-6)
    with pytest.raises(ValueError, match=r"Received: alpha_negative=0.5, beta=0.5"):
        XIELU(alpha_negative=0.5)


def test_each_layer_of_a_backbone_has_weights_of_its_own(tmp_path):
    backbone = small_backbone(activation="xielu")
    assert backbone.get_config()["activation"] == "xielu"
    own = [layer.activation_layer.weights for layer in backbone.transformer_layers]
    assert len(own) == 2
    assert not {id(x) for x in own[0]} & {id(x) for x in own[1]}
    expected = outputs_of(backbone, random_inputs())["sequence_output"]
    backbone.save(tmp_path / "backbone.keras")
    backbone.save_to_preset(str(tmp_path / "preset"))
    for again in (
        keras.saving.load_model(tmp_path / "backbone.keras"),
        LongformerBackbone.from_preset(str(tmp_path / "preset")),
        backbone.extend_positions(128),
    ):
        actual = outputs_of(again, random_inputs())["sequence_output"]
        np.testing.assert_array_equal(actual, expected)
    backbone.enable_lora(2)
    assert all("lora" in x.path for x in backbone.trainable_weights)


@each_activation
def test_training_moves_the_weights_of_an_activation(name):
    layer, inputs = (
        LongformerEncoderLayer(16, 2, 4, activation=name),
        keras.Input((6, 8)),
    )
    is_global = inputs[:, :, 0] > 0.0
    model = keras.Model(inputs, layer(inputs, global_attention_mask=is_global))
    before = [
        ops.convert_to_numpy(x) + 0 for x in layer.activation_layer.trainable_weights
    ]
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    model.train_on_batch(x, x[:, ::-1])
    after = layer.activation_layer.trainable_weights
    for weight, old in zip(after, before, strict=True):
        assert (ops.convert_to_numpy(weight) != old).all()


def test_an_activation_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="perlu"):
        LongformerEncoderLayer(16, 2, 4, activation="perlu")
