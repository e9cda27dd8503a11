"""What every layer promises: symbolic shapes, exact saving, mixed precision, XLA."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import (
    CausalDecoderLayer,
    CausalSelfAttention,
    RecurrentStack,
    RotaryEmbedding,
)

LENGTH, HIDDEN_DIM = 6, 8
LAYERS = {
    "rotary": lambda **more: RotaryEmbedding(50.0, **more),
    "attention": lambda **more: CausalSelfAttention(2, 3, [1, 2], **more),
    "decoder": lambda **more: CausalDecoderLayer(12, 2, attention_window=3, **more),
    "lstm": lambda **more: RecurrentStack(HIDDEN_DIM, 2, **more),
    "gru": lambda **more: RecurrentStack(HIDDEN_DIM, 2, cell="gru", **more),
}
WITH_WEIGHTS = [name for name in LAYERS if name != "rotary"]


def inputs(name, batch_size=2):
    shape = (batch_size, LENGTH, HIDDEN_DIM)
    if name == "rotary":
        shape = (batch_size, LENGTH, 2, HIDDEN_DIM // 2)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def as_array(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


def small_model(name, dtype=None):
    layer = LAYERS[name](dtype=dtype)
    x = keras.Input(inputs(name).shape[1:])
    return keras.Model(x, layer(x))


@pytest.mark.parametrize("name", LAYERS)
def test_symbolic_and_eager_outputs_have_one_shape(name):
    layer, x = LAYERS[name](), inputs(name)
    free = (None, None, *x.shape[2:])
    assert layer.compute_output_shape(free) == free
    symbolic = layer(keras.KerasTensor(x.shape))
    assert tuple(symbolic.shape) == tuple(layer(x).shape)


@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_gives_the_same_output(name, tmp_path):
    model, x = small_model(name), inputs(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_array(loaded(x)), as_array(model(x)))


@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_computes_in_half_and_keeps_whole_weights(name):
    layer, x = LAYERS[name](dtype="mixed_bfloat16"), inputs(name)
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert all(weight.dtype == "float32" for weight in layer.weights)
    precise = LAYERS[name]()
    precise.build(x.shape)
    precise.set_weights(layer.get_weights())
    np.testing.assert_allclose(as_array(output), as_array(precise(x)), atol=0.05)


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_one_step_of_training_under_xla_moves_every_weight(name):
    model, x = small_model(name), inputs(name)
    model.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=True)
    before = [as_array(weight) for weight in model.trainable_weights]
    model.fit(x, np.ones_like(x), epochs=1, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = as_array(weight)
        assert np.isfinite(new).all(), weight.path
        assert (new != old).any(), weight.path


def test_a_decoder_layer_adds_to_its_input():
    layer, x = LAYERS["decoder"](), inputs("decoder")
    layer.build(x.shape)
    for dense in (layer.attention.output_dense, layer.down_dense):
        dense.kernel.assign(np.zeros(dense.kernel.shape))
    np.testing.assert_array_equal(as_array(layer(x)), x)


def test_dropout_of_a_decoder_layer_works_while_training_alone():
    layer = CausalDecoderLayer(12, 2, dropout=0.5, seed=1)
    x = inputs("decoder")
    np.testing.assert_array_equal(as_array(layer(x)), as_array(layer(x)))
    one, other = (as_array(layer(x, training=True)) for _ in range(2))
    assert not np.allclose(one, other)
