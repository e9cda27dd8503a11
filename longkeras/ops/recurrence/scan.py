"""Recurrent layers as a scan over time, with a custom gradient.

The gates' contributions from the inputs do not depend on the state, so they are one
matrix product before the scan. The backward scan computes only the gradients of the
gates; the gradient of each kernel is one matrix product after it, where automatic
differentiation would accumulate a small one at each step.

Tensors are time-major, so that one step of all rows is contiguous in memory and stacked
layers need no transposes.
"""

from keras import ops

from longkeras.ops.backend.custom_gradient import custom_gradient
from longkeras.ops.backend.loops import scan_time
from longkeras.ops.recurrence.cells import CELLS


def scan_layer(cell, inputs, state, weights, is_real=None, stays=None):
    """Run a recurrent layer over a sequence.

    Weights have the layout of `keras.layers.LSTM`, of `keras.layers.GRU` with
    `reset_after=True`, and of `keras.layers.SimpleRNN`.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        inputs: float tensor `(sequence, batch, input_dim)`.
        state: tuple of tensors `(batch, units)`: hidden state, and an LSTM's cell.
        weights: kernel `(input_dim, gates * units)`, recurrent kernel `(units, gates
            * units)` and bias `(gates * units,)`, for a GRU `(2, gates * units)`.
            An LSTM's gates are input, forget, candidate, output; a GRU's are update,
            reset, candidate; a plain RNN has one.
        is_real: bool `(sequence, batch, 1)`, False where the state is unchanged and the
            output zero. Defaults to `None`, True everywhere.
        stays: bool `(sequence, batch, 1)`, False where the state is reset before the
            step. Defaults to `None`, True everywhere.

    Returns:
        `(outputs, state)`: `(sequence, batch, units)` and the state after the last
        step.

    Reference:
        [LSTM](https://doi.org/10.1162/neco.1997.9.8.1735),
        [GRU](https://arxiv.org/abs/1406.1078)
    """
    kernel, recurrent_kernel, bias = weights
    if CELLS[cell].has_two_biases:
        bias, *recurrent_bias = bias[0], bias[1]
    else:
        recurrent_bias = ()
    if is_real is not None:
        # Padding may hold anything, even NaN.
        inputs = ops.where(is_real, inputs, ops.zeros_like(inputs))
    length, batch_size = ops.shape(inputs)[:2]
    # Flattened: TensorFlow would compute a product of three axes step by step.
    flat = ops.matmul(ops.reshape(inputs, (-1, inputs.shape[-1])), kernel) + bias
    gate_inputs = ops.reshape(flat, (length, batch_size, kernel.shape[-1]))
    hidden, *state = _recurrence(CELLS[cell])(
        (gate_inputs, *state, recurrent_kernel, *recurrent_bias), (is_real, stays)
    )
    return _where_real(is_real, hidden), tuple(state)


def _recurrence(cell):
    """The scan of a cell with its custom gradient.

    Its arguments are the gates' contributions from the inputs, the state, the recurrent
    kernel and, for a GRU, the recurrent bias; its constants are `is_real` and `stays`.
    """

    def forward(arguments, constants):
        last, results = _scan(cell, arguments, constants)
        return (results[0], *last), results

    def backward(arguments, constants, kept, upstream):
        return _scan_backward(cell, arguments, constants, kept, upstream)

    return custom_gradient(forward, backward)


def _scan(cell, arguments, constants):
    """The last state; and of each step the hidden state and the tensors it keeps."""
    gate_inputs, state, recurrent_kernel, recurrent_bias = _named(cell, arguments)
    is_real, stays = constants

    def step(state, slices):
        from_inputs, *masks = slices
        if stays is not None:
            state = tuple(_where_real(masks[-1], x) for x in state)
        from_state = ops.matmul(state[0], recurrent_kernel)
        if recurrent_bias:
            from_state = from_state + recurrent_bias[0]
        moved, kept = cell.forward(from_inputs, from_state, state)
        if is_real is not None:
            moved = _chosen(masks[0], moved, state)
        return moved, (moved[0], *kept)

    inputs = (gate_inputs, *_given(constants))
    return scan_time(step, state, inputs, num_stacked=1)


def _scan_backward(cell, arguments, constants, kept, upstream):
    """The gradients of the arguments."""
    _, first, recurrent_kernel, recurrent_bias = _named(cell, arguments)
    is_real, stays = constants
    hidden, *kept = kept
    transposed_kernel = ops.transpose(recurrent_kernel)

    def step(carry, slices):
        from_output, *slices = slices
        kept_here, masks = slices[: len(kept)], slices[len(kept) :]
        gradients = (carry[0] + from_output, *carry[1:])
        inputs, recurrent, to_earlier = cell.backward(gradients, kept_here)
        if is_real is not None:
            inputs = _where_real(masks[0], inputs)
            recurrent = _where_real(masks[0], recurrent)
        through_kernel = ops.matmul(recurrent, transposed_kernel)
        direct, *others = to_earlier
        first = through_kernel if direct is None else through_kernel + direct
        to_earlier = (first, *others)
        if stays is not None:
            to_earlier = tuple(_where_real(masks[-1], x) for x in to_earlier)
        if is_real is not None:
            to_earlier = _chosen(masks[0], to_earlier, gradients)
        both = (inputs, recurrent) if cell.has_two_biases else (inputs,)
        return to_earlier, both

    sources = (upstream[0], *kept, *_given(constants))
    last = tuple(upstream[1:])
    carry, gradients = scan_time(step, last, sources, reverse=True)
    recurrent = gradients[-1]
    before = _before(first[0], hidden, stays)
    kernel_gradient = _product_over_time(before, recurrent)
    bias_gradient = [ops.sum(recurrent, axis=(0, 1)) for _ in recurrent_bias]
    return gradients[0], *carry, kernel_gradient, *bias_gradient


def _named(cell, arguments):
    gate_inputs, *others = arguments
    state, weights = others[: cell.num_states], others[cell.num_states :]
    return gate_inputs, tuple(state), weights[0], weights[1:]


def _given(constants):
    return tuple(x for x in constants if x is not None)


def _before(first, states, stays):
    """The hidden state before each step."""
    states = ops.concatenate([first[None], states[:-1]], axis=0)
    return _where_real(stays, states)


def _where_real(is_real, x):
    return x if is_real is None else ops.where(is_real, x, ops.zeros_like(x))


def _chosen(is_real, moved, state):
    pairs = zip(moved, state, strict=True)
    return tuple(ops.where(is_real, new, old) for new, old in pairs)


def _product_over_time(left, right):
    """The transpose of `left` times `right`, summed over time and rows."""
    left = ops.reshape(left, (-1, left.shape[-1]))
    right = ops.reshape(right, (-1, right.shape[-1]))
    return ops.matmul(ops.transpose(left), right)
