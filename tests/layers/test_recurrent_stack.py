"""The stack against Keras' layers, its state, and its dropout."""

import keras
import numpy as np
import pytest
from keras import ops, tree

from longkeras.layers import RecurrentStack

BATCH_SIZE, LENGTH, INPUT_DIM, UNITS = 3, 6, 4, 5


def inputs():
    shape = (BATCH_SIZE, LENGTH, INPUT_DIM)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def stack_with_weights(cell, **options):
    layer = RecurrentStack(UNITS, num_layers=2, cell=cell, **options)
    layer.build((None, None, INPUT_DIM))
    rng = np.random.default_rng(1)
    for weights in layer.cell_weights:
        for weight in weights:
            weight.assign(rng.normal(size=weight.shape) * 0.5)
    return layer


def as_array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def padding_mask():
    """Padding on the right, a hole and padding on the left, and an empty row."""
    mask = np.ones((BATCH_SIZE, LENGTH), bool)
    mask[0, 4:], mask[1, [0, 3]], mask[2] = False, False, False
    return mask


@pytest.mark.parametrize("mask", [None, padding_mask()], ids=["whole", "padded"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_weights_are_interchangeable_with_those_of_keras(cell, mask):
    layer = stack_with_weights(cell)
    expected = inputs()
    for weights in layer.cell_weights:
        keras_layer = getattr(keras.layers, cell.upper())(UNITS, return_sequences=True)
        keras_layer.build(expected.shape)
        keras_layer.set_weights([as_array(weight) for weight in weights])
        expected = keras_layer(expected, mask=mask)
    outputs, expected = as_array(layer(inputs(), padding_mask=mask)), as_array(expected)
    real = slice(None) if mask is None else mask
    np.testing.assert_allclose(outputs[real], expected[real], atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_reading_in_two_parts_equals_reading_at_once(cell):
    layer, x = stack_with_weights(cell), inputs()
    whole, last = layer.call_with_state(x)
    first, state = layer.call_with_state(x[:, :3])
    second, state = layer.call_with_state(x[:, 3:], state)
    parts = np.concatenate([as_array(first), as_array(second)], axis=1)
    np.testing.assert_allclose(parts, as_array(whole), atol=2e-6)
    tree.map_structure(
        lambda one, other: np.testing.assert_allclose(
            as_array(one), as_array(other), atol=2e-6
        ),
        state,
        last,
    )


def test_a_new_lstm_does_not_forget():
    layer = RecurrentStack(UNITS)
    layer.build((None, None, INPUT_DIM))
    bias = as_array(layer.cell_weights[0][2])
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], UNITS)
    np.testing.assert_array_equal(bias, expected)


def test_dropout_falls_between_layers_while_training_alone():
    layer = stack_with_weights("gru", dropout=0.5, seed=3)
    plain = stack_with_weights("gru")
    expected = as_array(plain(inputs()))
    np.testing.assert_array_equal(as_array(layer(inputs())), expected)
    assert not np.allclose(as_array(layer(inputs(), training=True)), expected)
    one = RecurrentStack(UNITS, cell="gru", dropout=0.5)
    np.testing.assert_array_equal(
        as_array(one(inputs(), training=True)), as_array(one(inputs()))
    )


def test_an_unknown_cell_is_named():
    with pytest.raises(ValueError, match=r"`cell` must be.*cell='rnn'"):
        RecurrentStack(UNITS, cell="rnn")
