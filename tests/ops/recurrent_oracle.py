"""LSTM, GRU and plain RNN in float64 NumPy, a step and a row at a time."""

import numpy as np

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
STATES = {"lstm": 2, "gru": 1, "rnn": 1}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_step(x, state, kernel, recurrent_kernel, bias):
    hidden, cell = state
    gates = np.split(x @ kernel + hidden @ recurrent_kernel + bias, 4)
    cell = sigmoid(gates[1]) * cell + sigmoid(gates[0]) * np.tanh(gates[2])
    return sigmoid(gates[3]) * np.tanh(cell), cell


def gru_step(x, state, kernel, recurrent_kernel, bias):
    (hidden,) = state
    from_inputs = np.split(x @ kernel + bias[0], 3)
    from_state = np.split(hidden @ recurrent_kernel + bias[1], 3)
    update = sigmoid(from_inputs[0] + from_state[0])
    reset = sigmoid(from_inputs[1] + from_state[1])
    candidate = np.tanh(from_inputs[2] + reset * from_state[2])
    return (update * hidden + (1.0 - update) * candidate,)


def rnn_step(x, state, kernel, recurrent_kernel, bias):
    return (np.tanh(x @ kernel + state[0] @ recurrent_kernel + bias),)


STEPS = {"lstm": lstm_step, "gru": gru_step, "rnn": rnn_step}


def arguments(cell, batch, length, input_dim, units, seed=0):
    """Inputs, kernel, recurrent kernel, bias and the state's tensors, float64."""
    rng = np.random.default_rng(seed)
    columns = GATES[cell] * units
    shapes = [
        (batch, length, input_dim),
        (input_dim, columns),
        (units, columns),
        (2, columns) if cell == "gru" else (columns,),
        *[(batch, units)] * STATES[cell],
    ]
    return [rng.normal(size=shape) for shape in shapes]


def layer(cell, inputs, kernel, recurrent_kernel, bias, *state, is_real, begins):
    """Outputs `(batch, sequence, units)`, and the last state behind them.

    Args:
        cell: str.
        inputs: array `(batch, sequence, input_dim)`.
        kernel, recurrent_kernel, bias, state: arrays.
        is_real: bool `(batch, sequence)`.
        begins: bool `(batch, sequence)`, True where the state is forgotten before.

    Returns:
        Array `(batch, sequence + states, units)`.
    """
    rows = []
    for row in range(len(inputs)):
        now, outputs = tuple(x[row] for x in state), []
        for t in range(inputs.shape[1]):
            if not is_real[row, t]:
                outputs.append(np.zeros_like(now[0]))
                continue
            if begins[row, t]:
                now = tuple(np.zeros_like(x) for x in now)
            now = STEPS[cell](inputs[row, t], now, kernel, recurrent_kernel, bias)
            outputs.append(now[0])
        rows.append(np.stack([*outputs, *now]))
    return np.stack(rows)
