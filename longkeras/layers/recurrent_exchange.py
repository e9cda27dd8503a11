"""Conversion between `RecurrentStack` and recurrent layers of Keras."""

from keras import ops

from longkeras.ops.backend.recurrent_layers import keras_layer_class
from longkeras.ops.recurrence.cells import CELLS

# The configuration of a Keras layer that computes what a stack computes.
_EXPECTED = {"use_bias": True, "activation": "tanh", "go_backwards": False}
_OF_CELL = {
    "lstm": {"recurrent_activation": "sigmoid"},
    "gru": {"recurrent_activation": "sigmoid", "reset_after": True},
    "rnn": {},
}


def stack_arguments(layers):
    """Return the arguments of a `RecurrentStack` that computes what these layers do.

    Args:
        layers: list of built layers of Keras, the first one first.

    Returns:
        dict of `units`, `num_layers` and `cell`.

    Raises:
        ValueError: If their kinds or sizes differ, or no stack computes the same.
    """
    kinds = {(_cell_of(layer), layer.units) for layer in layers}
    if len(kinds) != 1:
        raise ValueError(
            "`layers` must be some LSTM, GRU or SimpleRNN, all of one kind and of "
            f"equal units. Received: layers={[layer.name for layer in layers]}"
        )
    ((cell, units),) = kinds
    return {"units": units, "num_layers": len(layers), "cell": cell}


def _cell_of(layer):
    cell = next((x for x in CELLS if isinstance(layer, keras_layer_class(x))), None)
    config = layer.get_config()
    expected = {**_EXPECTED, **_OF_CELL.get(cell, {})}
    if cell is None or not layer.built:
        raise ValueError(
            "`layers` must be built LSTM, GRU or SimpleRNN layers of Keras. "
            f"Received: layers with {layer.name}"
        )
    different = {
        name: config[name] for name in expected if config[name] != expected[name]
    }
    if different:
        raise ValueError(
            f"`layers` must have {expected}. Received: {layer.name} with {different}"
        )
    return cell


def keras_layer(cell, weights, dtype):
    """Return a built layer of Keras with these weights.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        weights: kernel, recurrent kernel and bias.
        dtype: `keras.DTypePolicy`.

    Returns:
        `keras.layers.LSTM`, `GRU` or `SimpleRNN`.
    """
    kernel, recurrent_kernel, _ = weights
    layer = keras_layer_class(cell)(
        recurrent_kernel.shape[0], return_sequences=True, dtype=dtype
    )
    layer.build((None, None, kernel.shape[0]))
    layer.set_weights([ops.convert_to_numpy(weight) for weight in weights])
    return layer
