"""One step of an LSTM, a GRU and a plain RNN, forward and backward."""

import dataclasses
from collections.abc import Callable

from keras import ops

from longkeras.ops.backend.activation_gradients import (
    through_sigmoid,
    through_tanh,
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Args:
        num_gates: int. Kernels have `num_gates * units` columns.
        num_states: int. Number of state tensors, the output first.
        forward: callable `(from_inputs, from_state, state)` of the gates' contributions
            from the inputs and from the recurrence, and the state, a tuple. Returns the
            new state and a tuple of tensors for the gradient.
        backward: callable `(gradients, kept)` of the gradients of the new state and the
            tensors that `forward` kept. Returns the gradients of the two contributions
            and of the state, without what reaches the first state tensor through the
            recurrent kernel.
        has_two_biases: bool. Whether the recurrence has its own bias. Defaults to
            `False`.
    """

    num_gates: int
    num_states: int
    forward: Callable
    backward: Callable
    has_two_biases: bool = False


def _lstm_forward(from_inputs, from_state, state):
    gates = ops.split(from_inputs + from_state, 4, axis=-1)
    input_gate, forget_gate, output_gate = (ops.sigmoid(gates[i]) for i in (0, 1, 3))
    candidate = ops.tanh(gates[2])
    cell = forget_gate * state[1] + input_gate * candidate
    squashed = ops.tanh(cell)
    # Kept separate: concatenating and splitting are slow on TensorFlow.
    kept = (input_gate, forget_gate, candidate, output_gate, squashed, state[1])
    return (output_gate * squashed, cell), kept


def _lstm_backward(gradients, kept):
    input_gate, forget_gate, candidate, output_gate, squashed, earlier_cell = kept
    hidden_gradient, cell_gradient = gradients
    through_output = through_tanh(squashed, hidden_gradient * output_gate)
    cell_gradient = cell_gradient + through_output
    parts = [
        through_sigmoid(input_gate, cell_gradient * candidate),
        through_sigmoid(forget_gate, cell_gradient * earlier_cell),
        through_tanh(candidate, cell_gradient * input_gate),
        through_sigmoid(output_gate, hidden_gradient * squashed),
    ]
    gate_gradients = ops.concatenate(parts, axis=-1)
    return gate_gradients, gate_gradients, (None, cell_gradient * forget_gate)


def _gru_forward(from_inputs, from_state, state):
    update_in, reset_in, candidate_in = ops.split(from_inputs, 3, axis=-1)
    update_rec, reset_rec, candidate_rec = ops.split(from_state, 3, axis=-1)
    update = ops.sigmoid(update_in + update_rec)
    reset = ops.sigmoid(reset_in + reset_rec)
    candidate = ops.tanh(candidate_in + reset * candidate_rec)
    hidden = update * state[0] + (1.0 - update) * candidate
    return (hidden,), (update, reset, candidate, candidate_rec, state[0])


def _gru_backward(gradients, kept):
    update, reset, candidate, candidate_rec, earlier = kept
    (gradient,) = gradients
    to_update = through_sigmoid(update, gradient * (earlier - candidate))
    to_candidate = through_tanh(candidate, gradient * (1.0 - update))
    to_reset = through_sigmoid(reset, to_candidate * candidate_rec)
    from_inputs = ops.concatenate([to_update, to_reset, to_candidate], axis=-1)
    from_state = ops.concatenate([to_update, to_reset, to_candidate * reset], axis=-1)
    return from_inputs, from_state, (gradient * update,)


def _rnn_forward(from_inputs, from_state, state):
    hidden = ops.tanh(from_inputs + from_state)
    return (hidden,), (hidden,)


def _rnn_backward(gradients, kept):
    gate_gradients = through_tanh(kept[0], gradients[0])
    return gate_gradients, gate_gradients, (None,)


CELLS = {
    "lstm": Cell(4, 2, _lstm_forward, _lstm_backward),
    "gru": Cell(3, 1, _gru_forward, _gru_backward, has_two_biases=True),
    "rnn": Cell(1, 1, _rnn_forward, _rnn_backward),
}
