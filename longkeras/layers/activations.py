"""Activations of published models that Keras has no name for, each registered."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="longkeras")
def gelu_tanh(x):
    """GELU by its approximation with a tanh, as in GPT-2 and mT5.

    Args:
        x: float tensor.

    Returns:
        Tensor like `x`.

    Example:

    >>> import keras
    >>> from longkeras.layers.activations import gelu_tanh
    >>> keras.saving.get_registered_name(gelu_tanh)
    'longkeras>gelu_tanh'
    """
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="longkeras")
def gelu_clipped(x):
    """GELU held between -10 and 10, for eight-bit ranges (arXiv:2004.09602)."""
    return ops.clip(keras.activations.gelu(x), -10.0, 10.0)


@keras.saving.register_keras_serializable(package="longkeras")
def quick_gelu(x):
    """`x · sigmoid(1.702 x)`, a cheap GELU (arXiv:1606.08415)."""
    return x * ops.sigmoid(1.702 * x)


@keras.saving.register_keras_serializable(package="longkeras")
def relu_squared(x):
    """The square of ReLU (Primer, arXiv:2109.08668)."""
    return ops.square(ops.relu(x))


@keras.saving.register_keras_serializable(package="longkeras")
def leaky_relu_hundredth(x):
    """Leaky ReLU with PyTorch's slope of 0.01; that of Keras is 0.2."""
    return keras.activations.leaky_relu(x, negative_slope=0.01)


@keras.saving.register_keras_serializable(package="longkeras")
def laplace(x):
    """The Laplace function of MEGA (arXiv:2209.10655), a bounded squared ReLU."""
    mean, deviation = 0.707107, 0.282095
    return 0.5 * (1.0 + ops.erf((x - mean) / (deviation * 2.0**0.5)))


@keras.saving.register_keras_serializable(package="longkeras")
def sqrt_softplus(x):
    """The square root of softplus."""
    return ops.sqrt(ops.softplus(x))
