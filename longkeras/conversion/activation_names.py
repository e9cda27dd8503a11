"""Hugging Face's names of activations, and what they are here."""

from collections.abc import Callable

import keras

from longkeras.layers import activations

# Every name that `transformers` knows. Of names for one function the first is written;
# an activation with weights of its own has a name here too.
ACTIVATIONS: dict[str, Callable | str] = {
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
    "prelu": "prelu",
    "xielu": "xielu",
}


def activation_of(name: str) -> Callable | str:
    """The activation that a checkpoint's `hidden_act` means.

    Args:
        name: str.

    Returns:
        function of a tensor, registered with Keras; or the name of an activation with
        weights, as of `LongformerBackbone`.

    Raises:
        ValueError: If the name is not known.
    """
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`hidden_act` must be one of {', '.join(ACTIVATIONS)}. "
            f"Received: hidden_act={name!r}"
        )
    return ACTIVATIONS[name]


def name_of(activation: Callable | str) -> str:
    """The name by which a checkpoint tells an activation.

    Args:
        activation: as `activation_of` gives it.

    Returns:
        str.

    Raises:
        ValueError: If Hugging Face has no name for it.
    """
    for name, known in ACTIVATIONS.items():
        if known == activation:
            return name
    raise ValueError(
        "Hugging Face has no name for this activation, only for "
        f"{sorted(ACTIVATIONS)}. Received: activation={activation}"
    )
