"""Activations that Keras lacks: registered functions, and layers with weights."""

import math

import keras
import numpy as np
from keras import ops

from longkeras.argument_checks import check_arguments


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


@keras.saving.register_keras_serializable(package="longkeras")
class SharedPReLU(keras.layers.Layer):
    """PyTorch's `PReLU`: `x` above zero and `slope · x` below, with one trained slope.

    `keras.layers.PReLU` has a slope per position instead. The encoder creates this
    layer for `activation="prelu"`.

    Args:
        negative_slope: float. Initial slope. Defaults to `0.25`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape.

    Returns:
        Tensor like `inputs`.

    Raises:
        ValueError: If the slope is below zero.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import SharedPReLU

    y = SharedPReLU(0.5)(np.array([[-2.0, 0.0, 3.0]], "float32"))
    assert np.array(y).tolist() == [[-1.0, 0.0, 3.0]]
    ```

    Reference:
        [He et al., 2015](https://arxiv.org/abs/1502.01852)
    """

    def __init__(self, negative_slope=0.25, **kwargs):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.negative_slope = negative_slope
        self.supports_masking = True

    def build(self, inputs_shape):
        self.slope = self.add_weight(
            shape=(1,),
            initializer=keras.initializers.Constant(self.negative_slope),
            name="slope",
        )

    def call(self, inputs):
        return ops.where(inputs > 0, inputs, self.slope * inputs)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


@keras.saving.register_keras_serializable(package="longkeras")
class XIELU(keras.layers.Layer):
    """`a x² + b x` above zero and `c (eˣ - 1 - x) + b x` below, `a` and `c` trained.

    `a` and `c - b` are softpluses of weights, `alpha_p` and `alpha_n`. `b` and `eps`,
    which bounds the argument of `eˣ`, are weights that are not trained, as in
    checkpoints of `transformers`. Computed in float32. The encoder creates this layer
    for `activation="xielu"`.

    Args:
        alpha_positive: float. Initial `a`. Defaults to `0.8`.
        alpha_negative: float, more than `beta`. Initial `c`. Defaults to `0.8`.
        beta: float. `b`. Defaults to `0.5`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape.

    Returns:
        Tensor like `inputs`.

    Raises:
        ValueError: If a number is not above zero, or `alpha_negative` not above `beta`.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import XIELU

    y = XIELU(alpha_positive=1.0, beta=0.5)(np.array([[1.0, 2.0]], "float32"))
    np.testing.assert_allclose(y, [[1.5, 5.0]], rtol=1e-5)
    ```

    Reference:
        [Huang, 2024](https://arxiv.org/abs/2411.13010)
    """

    def __init__(self, alpha_positive=0.8, alpha_negative=0.8, beta=0.5, **kwargs):
        super().__init__(**kwargs)
        check_arguments(locals())
        if alpha_negative <= beta:
            raise ValueError(
                "`alpha_negative` must be more than `beta`. Received: "
                f"alpha_negative={alpha_negative}, beta={beta}"
            )
        self.alpha_positive = alpha_positive
        self.alpha_negative = alpha_negative
        self.beta = beta
        self.supports_masking = True

    def build(self, inputs_shape):
        values = {
            "alpha_p": [math.log(math.expm1(self.alpha_positive))],
            "alpha_n": [math.log(math.expm1(self.alpha_negative - self.beta))],
            "beta": self.beta,
            "eps": -1e-6,
        }
        self.numbers = [
            self.add_weight(
                shape=np.shape(value),
                initializer=keras.initializers.Constant(value),
                trainable=name.startswith("alpha"),
                autocast=False,
                name=name,
            )
            for name, value in values.items()
        ]

    def call(self, inputs):
        alpha_p, alpha_n, beta, eps = map(ops.convert_to_tensor, self.numbers)
        x = ops.cast(inputs, alpha_p.dtype)
        above = ops.softplus(alpha_p) * x * x
        # Without the minimum, the exponential would overflow and its gradient be NaN.
        below = (ops.softplus(alpha_n) + beta) * (ops.expm1(ops.minimum(x, eps)) - x)
        return ops.cast(ops.where(x > 0, above, below) + beta * x, inputs.dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {
            **super().get_config(),
            "alpha_positive": self.alpha_positive,
            "alpha_negative": self.alpha_negative,
            "beta": self.beta,
        }


_LAYERS = {"prelu": SharedPReLU, "xielu": XIELU}


def get_activation(activation):
    """`keras.activations.get`, which leaves `"prelu"` and `"xielu"` as they are."""
    if isinstance(activation, str) and activation in _LAYERS:
        return activation
    return keras.activations.get(activation)


def serialize_activation(activation):
    """`keras.activations.serialize` of the output of `get_activation`."""
    if isinstance(activation, str):
        return activation
    return keras.activations.serialize(activation)


def activation_layer(activation, dtype):
    """The layer of the output of `get_activation`, or None for a function."""
    if not isinstance(activation, str):
        return None
    return _LAYERS[activation](dtype=dtype, name="activation")
