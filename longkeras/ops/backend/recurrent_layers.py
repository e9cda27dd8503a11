"""Fused recurrent layers of the backends, cuDNN on a GPU.

PyTorch's operations, and `keras.layers` on TensorFlow and JAX, without padding or
packed documents.
"""

import keras
from keras import ops


def fused_layer(cell, inputs, state, weights):
    """Run a recurrent layer over a sequence without padding.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        inputs: float tensor `(sequence, batch, input_dim)`.
        state: tuple of tensors `(batch, units)`.
        weights: kernel, recurrent kernel and bias, see
            `longkeras.ops.recurrence.scan.scan_layer`.

    Returns:
        `(outputs, state)`, as `scan_layer`.
    """
    if keras.backend.backend() == "torch":
        return _of_torch(cell, inputs, state, weights)
    return _of_keras(cell, inputs, state, weights)


def keras_layer_class(cell):
    """Return `keras.layers.LSTM`, `GRU` or `SimpleRNN`."""
    layers = keras.layers
    return {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}[cell]


def _of_keras(cell, inputs, state, weights):
    kernel, recurrent_kernel, bias = weights
    layer = keras_layer_class(cell)(
        recurrent_kernel.shape[0],
        return_sequences=True,
        return_state=True,
        dtype=keras.backend.standardize_dtype(inputs.dtype),
    )
    # Tensors take the place of its variables, which are never created.
    layer.cell.kernel, layer.cell.recurrent_kernel = kernel, recurrent_kernel
    layer.cell.bias = bias
    layer.cell.built = layer.built = True
    outputs, *state = layer(ops.swapaxes(inputs, 0, 1), initial_state=list(state))
    return ops.swapaxes(outputs, 0, 1), tuple(state)


def _of_torch(cell, inputs, state, weights):
    import torch

    kernel, recurrent_kernel, bias = weights
    biases = bias if cell == "gru" else (bias, torch.zeros_like(bias))
    flat = [kernel.T, recurrent_kernel.T, *biases]
    if cell == "gru":
        # PyTorch's order of the gates is reset, update, candidate.
        units = recurrent_kernel.shape[0]
        flat = [
            torch.cat([x[units : 2 * units], x[:units], x[2 * units :]]) for x in flat
        ]
    state = [x[None].contiguous() for x in state]
    function = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}[cell]
    outputs, *state = function(
        inputs,
        state if cell == "lstm" else state[0],
        [x.contiguous() for x in flat],
        True,  # has biases
        1,  # layers
        0.0,  # dropout
        torch.is_grad_enabled(),
        False,  # both directions
        False,  # batch first
    )
    return outputs, tuple(x[0] for x in state)
