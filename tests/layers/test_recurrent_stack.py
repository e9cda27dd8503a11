"""The stack against Keras' layers, its state, and its dropout."""

import keras
import numpy as np
import pytest
from keras import ops, tree

from longkeras.layers import RecurrentStack

BATCH_SIZE, LENGTH, INPUT_DIM, UNITS = 3, 6, 4, 5
CELLS = ("lstm", "gru", "rnn")


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


@pytest.mark.parametrize("cell", CELLS)
def test_weights_are_interchangeable_with_those_of_keras(cell):
    stack, x, mask = stack_with_weights(cell), inputs(), padding_mask()
    expected = x
    layers = stack.to_keras_layers()
    for layer in layers:
        expected = layer(expected, mask=mask)
    outputs = as_array(stack(x, padding_mask=mask))
    np.testing.assert_allclose(outputs[mask], as_array(expected)[mask], atol=2e-6)
    assert not outputs[~mask].any()
    back = RecurrentStack.from_keras_layers(layers, dropout=0.5)
    assert (back.cell, back.units, back.num_layers) == (cell, UNITS, 2)
    np.testing.assert_array_equal(as_array(back(x, padding_mask=mask)), outputs)


def test_layers_of_keras_that_compute_something_else_are_refused():
    one = keras.layers.GRU(UNITS, reset_after=False)
    one.build((None, None, INPUT_DIM))
    with pytest.raises(ValueError, match=r"`layers` must have .*reset_after.*False"):
        RecurrentStack.from_keras_layers([one])
    with pytest.raises(ValueError, match="`layers` must be built"):
        RecurrentStack.from_keras_layers([keras.layers.LSTM(UNITS)])
    with pytest.raises(ValueError, match="`layers` must be some"):
        RecurrentStack.from_keras_layers([])


@pytest.mark.parametrize("cell", CELLS)
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


RATES = ("dropout", "input_dropout", "output_dropout")


@pytest.mark.parametrize("rate", RATES)
def test_locked_dropout_takes_the_same_units_at_every_step(rate):
    options = {rate: 0.5, "seed": 3, "locked_dropout": True}
    stack = RecurrentStack(64, num_layers=2, cell="rnn", **options)
    x = np.ones((2, 3, INPUT_DIM), "float32")
    stack(x)  # builds
    dropped = getattr(stack, f"{rate}_layer")(
        np.ones((3, 2, 64), "float32"), training=True
    )
    dropped = as_array(dropped)
    assert 0.25 < (dropped == 0.0).mean() < 0.75
    np.testing.assert_array_equal(dropped[0], dropped[1])
    assert (dropped[:, 0] != dropped[:, 1]).any()
    np.testing.assert_array_equal(as_array(stack(x)), as_array(stack(x)))
    assert (as_array(stack(x, training=True)) != as_array(stack(x))).any()


def test_weight_dropout_takes_recurrent_weights_alone():
    stack = stack_with_weights("lstm", weight_dropout=0.5, seed=3)
    plain = stack_with_weights("lstm")
    for one, other in ((inputs()[:, :1], True), (inputs(), False)):
        equal = as_array(stack(one, training=True)), as_array(plain(one))
        # The first step begins with zeros, and needs no recurrent weight.
        assert np.allclose(*equal, atol=2e-6) == other


def test_a_document_reads_as_if_it_stood_alone():
    stack, x = stack_with_weights("gru"), inputs()
    document_ids = np.array([[0, 0, 0, 5, 5, 5]] * BATCH_SIZE)
    together = as_array(stack(x, document_ids=document_ids))
    apart = [as_array(stack(part)) for part in (x[:, :3], x[:, 3:])]
    np.testing.assert_allclose(together, np.concatenate(apart, axis=1), atol=2e-6)


def test_rows_begin_anew_where_asked():
    stack, x = stack_with_weights("lstm"), inputs()
    _, state = stack.call_with_state(x)
    is_new = np.array([True, False, False])
    outputs, _ = stack.call_with_state(x, stack.reset_rows(state, is_new))
    goes_on, _ = stack.call_with_state(x, state)
    np.testing.assert_allclose(as_array(outputs)[0], as_array(stack(x))[0], atol=2e-6)
    np.testing.assert_array_equal(as_array(outputs)[1:], as_array(goes_on)[1:])


@pytest.mark.parametrize("cell", CELLS)
def test_a_stack_lives_in_bfloat16_alone(cell):
    stack = RecurrentStack(UNITS, cell=cell, dtype="bfloat16")
    outputs = stack(inputs(), document_ids=np.zeros((BATCH_SIZE, LENGTH), "int32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert np.isfinite(as_array(ops.cast(outputs, "float32"))).all()


def test_an_unknown_cell_is_named():
    with pytest.raises(ValueError, match=r"`cell` must be.*cell='tanh'"):
        RecurrentStack(UNITS, cell="tanh")
