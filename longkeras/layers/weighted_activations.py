"""Activations with weights of their own, which a name stands for."""

import keras

from longkeras.layers.shared_prelu import SharedPReLU
from longkeras.layers.xielu import XIELU

_LAYERS = {"prelu": SharedPReLU, "xielu": XIELU}


def given_activation(activation):
    """What an argument `activation` means.

    Args:
        activation: See `keras.activations.get`; or `"prelu"` or `"xielu"`.

    Returns:
        function of a tensor; or the name of one that has weights, for which
        `activation_layer` makes a layer.

    Raises:
        ValueError: If there is no such activation.
    """
    if isinstance(activation, str) and activation in _LAYERS:
        return activation
    return keras.activations.get(activation)


def saved_activation(activation):
    """What `given_activation` returned, for a config.

    Args:
        activation: function or str.

    Returns:
        str or dict.
    """
    if isinstance(activation, str):
        return activation
    return keras.activations.serialize(activation)


def activation_layer(activation, dtype):
    """The layer that a name stands for.

    Args:
        activation: what `given_activation` returned.
        dtype: `keras.DTypePolicy`.

    Returns:
        `keras.layers.Layer`, or None where the activation is a function.
    """
    if not isinstance(activation, str):
        return None
    return _LAYERS[activation](dtype=dtype, name="activation")
