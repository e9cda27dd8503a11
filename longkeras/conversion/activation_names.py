"""Hugging Face's names of activations, and the functions that they are."""

from collections.abc import Callable

import keras

from longkeras.layers import activations

# Every name that `transformers` knows, but those of activations with weights of their
# own (prelu, xielu). Of names for one function the first is written.
FUNCTIONS: dict[str, Callable] = {
    "gelu": keras.activations.gelu,
    "gelu_python": keras.activations.gelu,
    "gelu_new": activations.gelu_tanh,
    "gelu_accurate": activations.gelu_tanh,
    "gelu_fast": activations.gelu_tanh,
    "gelu_python_tanh": activations.gelu_tanh,
    "gelu_pytorch_tanh": activations.gelu_tanh,
    "gelu_10": activations.gelu_clipped,
    "quick_gelu": activations.quick_gelu,
    "relu": keras.activations.relu,
    "relu2": activations.relu_squared,
    "relu6": keras.activations.relu6,
    "leaky_relu": activations.leaky_relu_hundredth,
    "silu": keras.activations.silu,
    "swish": keras.activations.silu,
    "hardswish": keras.activations.hard_silu,
    "mish": keras.activations.mish,
    "laplace": activations.laplace,
    "sqrtsoftplus": activations.sqrt_softplus,
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "linear": keras.activations.linear,
}


def activation_of(name: str) -> Callable:
    """The function that a checkpoint's `hidden_act` means.

    Args:
        name: str.

    Returns:
        function of a tensor, registered with Keras.

    Raises:
        ValueError: If the name is not known.
    """
    if name not in FUNCTIONS:
        raise ValueError(
            f"`hidden_act` must be one of {', '.join(FUNCTIONS)}. "
            f"Received: hidden_act={name!r}"
        )
    return FUNCTIONS[name]


def name_of(activation: Callable) -> str:
    """The name by which a checkpoint tells an activation.

    Args:
        activation: function of a tensor.

    Returns:
        str.

    Raises:
        ValueError: If Hugging Face has no name for it.
    """
    for name, function in FUNCTIONS.items():
        if function is activation:
            return name
    raise ValueError(
        f"Hugging Face has no name for this activation, only for {sorted(FUNCTIONS)}. "
        f"Received: activation={activation}"
    )
