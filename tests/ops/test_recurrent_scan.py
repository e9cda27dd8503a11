"""LSTM and GRU scans against a loop written step by step, gradients included."""

import numpy as np
import pytest
from keras import ops

from longkeras.ops import recurrent_scan
from tests.ops.cases import assert_close
from tests.ops.gradients import outputs_and_gradients

BATCH, LENGTH, INPUT_DIM, UNITS = 3, 7, 4, 5
GATES = {"lstm": 4, "gru": 3}


def lstm_step(gate_inputs, state, recurrent_kernel, _):
    hidden, cell = state
    gates = gate_inputs + ops.matmul(hidden, recurrent_kernel)
    input_gate, forget, candidate, output = ops.split(gates, 4, axis=-1)
    cell = ops.sigmoid(forget) * cell + ops.sigmoid(input_gate) * ops.tanh(candidate)
    return ops.sigmoid(output) * ops.tanh(cell), cell


def gru_step(gate_inputs, state, recurrent_kernel, recurrent_bias):
    (hidden,) = state
    recurrent = ops.matmul(hidden, recurrent_kernel) + recurrent_bias
    update_in, reset_in, candidate_in = ops.split(gate_inputs, 3, axis=-1)
    update_rec, reset_rec, candidate_rec = ops.split(recurrent, 3, axis=-1)
    update = ops.sigmoid(update_in + update_rec)
    reset = ops.sigmoid(reset_in + reset_rec)
    candidate = ops.tanh(candidate_in + reset * candidate_rec)
    return (update * hidden + (1.0 - update) * candidate,)


STEPS = {"lstm": lstm_step, "gru": gru_step}


def step_by_step(cell, inputs, state, kernel, recurrent_kernel, bias, padding_mask):
    input_bias, recurrent_bias = (bias, None) if cell == "lstm" else (bias[0], bias[1])
    outputs = []
    for i in range(LENGTH):
        gate_inputs = ops.matmul(inputs[:, i], kernel) + input_bias
        moved = STEPS[cell](gate_inputs, state, recurrent_kernel, recurrent_bias)
        is_real = padding_mask[:, i, None]
        state = tuple(
            ops.where(is_real, new, old) for new, old in zip(moved, state, strict=True)
        )
        outputs.append(state[0])
    return ops.stack(outputs, axis=1), state


def joined(outputs, state):
    """All results in one tensor, so that every one has a gradient."""
    return ops.concatenate([outputs, *(x[:, None] for x in state)], axis=1)


@pytest.mark.parametrize("jit", [None, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cell", GATES)
def test_scan_equals_the_loop_forward_and_gradient(cell, jit):
    rng = np.random.default_rng(0)
    gates = GATES[cell] * UNITS
    num_states = 2 if cell == "lstm" else 1
    bias_shape = (gates,) if cell == "lstm" else (2, gates)
    shapes = [
        (BATCH, LENGTH, INPUT_DIM),
        (INPUT_DIM, gates),
        (UNITS, gates),
        bias_shape,
        *[(BATCH, UNITS)] * num_states,
    ]
    tensors = [
        ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))
        for shape in shapes
    ]
    upstream = rng.normal(size=(BATCH, LENGTH + num_states, UNITS)).astype("float32")
    padding_mask = np.ones((BATCH, LENGTH), bool)
    padding_mask[1, 5:] = False
    padding_mask[2, :3] = False

    def scan(inputs, kernel, recurrent_kernel, bias, *state):
        function = getattr(recurrent_scan, cell)
        weights = (kernel, recurrent_kernel, bias)
        return joined(*function(inputs, state, *weights, padding_mask))

    def loop(inputs, kernel, recurrent_kernel, bias, *state):
        weights = (kernel, recurrent_kernel, bias)
        return joined(*step_by_step(cell, inputs, state, *weights, padding_mask))

    expected, expected_gradients = outputs_and_gradients(loop, tensors, upstream)
    answer, gradients = outputs_and_gradients(scan, tensors, upstream, jit=jit)

    assert_close(answer, expected, 1e-5, "output")
    for position, gradient in enumerate(gradients):
        assert_close(gradient, expected_gradients[position], 5e-5, f"input {position}")
