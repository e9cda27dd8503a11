"""LSTM and GRU over time: one matrix product for all steps' inputs, then a scan.

The input half of every gate needs no earlier state, so it is one large product
before the loop. The LSTM's gradient is written out: the loop backwards computes
only the gates' gradients, and the recurrent weights' gradient is one large product
after it, where automatic differentiation would add up one small product a step.

Weights have the layout of `keras.layers.LSTM` and `keras.layers.GRU`.
"""

import keras
from keras import ops

from longkeras.ops.block_loop import scan_time


def lstm(inputs, initial_state, kernel, recurrent_kernel, bias, padding_mask=None):
    """A long short-term memory over a sequence.

    Args:
        inputs: float tensor `(batch, sequence, input_dim)`.
        initial_state: pair of tensors `(batch, units)`: hidden state and cell.
        kernel: `(input_dim, 4 * units)`, gates in the order input, forget, cell,
            output.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.
        padding_mask: bool `(batch, sequence)`; a padded step leaves the state as it
            is. Defaults to `None`, nothing padded.

    Returns:
        `(outputs, state)`: `(batch, sequence, units)` and the state after the last
        step, as `initial_state`.

    Reference:
        Hochreiter and Schmidhuber, 1997; forget gates by Gers et al., 2000.
    """
    gate_inputs = _gate_inputs(inputs, kernel, bias)
    mask = _time_major_mask(inputs, padding_mask)
    hidden, cell = initial_state
    outputs, hidden, cell = _lstm_core(
        gate_inputs, hidden, cell, recurrent_kernel, mask
    )
    return ops.swapaxes(outputs, 0, 1), (hidden, cell)


def gru(inputs, initial_state, kernel, recurrent_kernel, bias, padding_mask=None):
    """A gated recurrent unit over a sequence (`reset_after=True`, as on GPUs).

    Args:
        inputs: float tensor `(batch, sequence, input_dim)`.
        initial_state: tuple of one tensor `(batch, units)`.
        kernel: `(input_dim, 3 * units)`, gates in the order update, reset, candidate.
        recurrent_kernel: `(units, 3 * units)`.
        bias: `(2, 3 * units)`, for the inputs and for the recurrence.
        padding_mask: bool `(batch, sequence)`; a padded step leaves the state as it
            is. Defaults to `None`, nothing padded.

    Returns:
        `(outputs, state)`: `(batch, sequence, units)` and the last state.

    Reference:
        Cho et al., 2014, https://arxiv.org/abs/1406.1078
    """
    gate_inputs = _gate_inputs(inputs, kernel, bias[0])
    mask = _time_major_mask(inputs, padding_mask)

    def step(carry, slices):
        (hidden,) = carry
        gate_input, keep = slices
        update_in, reset_in, candidate_in = ops.split(gate_input, 3, axis=-1)
        recurrent = ops.matmul(hidden, recurrent_kernel) + bias[1]
        update_rec, reset_rec, candidate_rec = ops.split(recurrent, 3, axis=-1)
        update = ops.sigmoid(update_in + update_rec)
        reset = ops.sigmoid(reset_in + reset_rec)
        candidate = ops.tanh(candidate_in + reset * candidate_rec)
        new = update * hidden + (1.0 - update) * candidate
        hidden = keep * new + (1.0 - keep) * hidden
        return (hidden,), (hidden,)

    state, (outputs,) = scan_time(step, tuple(initial_state), (gate_inputs, mask))
    return ops.swapaxes(outputs, 0, 1), tuple(state)


def _gate_inputs(inputs, kernel, bias):
    """Every step's input to every gate: `(sequence, batch, gates * units)`."""
    return ops.swapaxes(ops.matmul(inputs, kernel) + bias, 0, 1)


def _time_major_mask(inputs, padding_mask):
    """`(sequence, batch, 1)` in the inputs' dtype, 1 at real steps."""
    if padding_mask is None:
        return ops.ones_like(ops.swapaxes(inputs, 0, 1)[:, :, :1])
    mask = ops.cast(padding_mask, inputs.dtype)
    return ops.swapaxes(mask, 0, 1)[:, :, None]


def _lstm_core(gate_inputs, hidden, cell, recurrent_kernel, mask):
    """The recurrence alone, with its gradient written out where backends allow."""
    if keras.backend.backend() == "torch":
        # keras.ops.custom_gradient admits one output only there.
        outputs, _, _, hidden, cell = _lstm_forward(
            gate_inputs, hidden, cell, recurrent_kernel, mask
        )
        return outputs, hidden, cell

    @keras.ops.custom_gradient
    def recurrence(gate_inputs, hidden, cell, recurrent_kernel):
        outputs, gates, cells, last_hidden, last_cell = _lstm_forward(
            gate_inputs, hidden, cell, recurrent_kernel, mask
        )

        def gradient(*args, upstream=None):
            upstream = args if upstream is None else upstream
            if len(upstream) == 1:
                upstream = upstream[0]
            kept = (outputs, gates, cells, hidden, cell, recurrent_kernel, mask)
            return _lstm_gradient(kept, upstream)

        return (outputs, last_hidden, last_cell), gradient

    return recurrence(gate_inputs, hidden, cell, recurrent_kernel)


def _lstm_forward(gate_inputs, hidden, cell, recurrent_kernel, mask):
    def step(carry, slices):
        hidden, cell = carry
        gate_input, keep = slices
        gates = gate_input + ops.matmul(hidden, recurrent_kernel)
        input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, axis=-1)
        input_gate, forget_gate = ops.sigmoid(input_gate), ops.sigmoid(forget_gate)
        candidate, output_gate = ops.tanh(candidate), ops.sigmoid(output_gate)
        new_cell = forget_gate * cell + input_gate * candidate
        new_hidden = output_gate * ops.tanh(new_cell)
        cell = keep * new_cell + (1.0 - keep) * cell
        hidden = keep * new_hidden + (1.0 - keep) * hidden
        gates = ops.concatenate(
            [input_gate, forget_gate, candidate, output_gate], axis=-1
        )
        return (hidden, cell), (hidden, gates, cell)

    (hidden, cell), (outputs, gates, cells) = scan_time(
        step, (hidden, cell), (gate_inputs, mask)
    )
    return outputs, gates, cells, hidden, cell


def _lstm_gradient(kept, upstream):
    """Gradients of gate inputs, initial hidden and cell, recurrent kernel."""
    outputs, gates, cells, hidden, cell, recurrent_kernel, mask = kept
    output_gradients, hidden_gradient, cell_gradient = upstream
    transposed_kernel = ops.transpose(recurrent_kernel)
    earlier_hidden = ops.concatenate([hidden[None], outputs[:-1]], axis=0)
    earlier_cells = ops.concatenate([cell[None], cells[:-1]], axis=0)

    def step(carry, slices):
        hidden_gradient, cell_gradient = carry
        output_gradient, gates, earlier_cell, keep = slices
        input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, axis=-1)
        squashed = ops.tanh(forget_gate * earlier_cell + input_gate * candidate)
        hidden_gradient = hidden_gradient + output_gradient
        from_hidden = keep * hidden_gradient
        from_cell = keep * cell_gradient + from_hidden * output_gate * (
            1.0 - squashed * squashed
        )
        gate_gradients = ops.concatenate(
            [
                from_cell * candidate * input_gate * (1.0 - input_gate),
                from_cell * earlier_cell * forget_gate * (1.0 - forget_gate),
                from_cell * input_gate * (1.0 - candidate * candidate),
                from_hidden * squashed * output_gate * (1.0 - output_gate),
            ],
            axis=-1,
        )
        passed_on = (1.0 - keep) * hidden_gradient
        hidden_gradient = ops.matmul(gate_gradients, transposed_kernel) + passed_on
        cell_gradient = from_cell * forget_gate + (1.0 - keep) * cell_gradient
        return (hidden_gradient, cell_gradient), (gate_gradients,)

    (hidden_gradient, cell_gradient), (gate_gradients,) = scan_time(
        step,
        (hidden_gradient, cell_gradient),
        (output_gradients, gates, earlier_cells, mask),
        reverse=True,
    )
    units = ops.shape(hidden)[-1]
    kernel_gradient = ops.matmul(
        ops.transpose(ops.reshape(earlier_hidden, (-1, units))),
        ops.reshape(gate_gradients, (-1, 4 * units)),
    )
    return gate_gradients, hidden_gradient, cell_gradient, kernel_gradient
