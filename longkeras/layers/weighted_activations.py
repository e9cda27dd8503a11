"""Activations with trained weights, as layers and as names."""

import math

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.ops.implementations import one_program


@keras.saving.register_keras_serializable(package="longkeras")
class SharedPReLU(keras.layers.Layer):
    """`x` above zero and `slope · x` below, with one trained slope for all features.

    As PyTorch's `PReLU`; `keras.layers.PReLU` has a slope for every position of its
    inputs. The encoder's `activation="prelu"` is this layer.

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
        slope = ops.convert_to_tensor(self.slope)
        return one_program.run_number_by_number(_prelu, inputs, slope)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


@keras.saving.register_keras_serializable(package="longkeras")
class XIELU(keras.layers.Layer):
    """`a x² + b x` above zero and `c (eˣ - 1 - x) + b x` below, `a` and `c` trained.

    `a` and `c - b` stay above zero: they are softpluses of the weights `alpha_p` and
    `alpha_n`. `b` and the number just below zero up to which `eˣ` is computed are
    weights that are not trained, as in checkpoints of `transformers`. Computed in
    float32. The encoder's `activation="xielu"` is this layer.

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
        alpha_p = math.log(math.expm1(self.alpha_positive))
        alpha_n = math.log(math.expm1(self.alpha_negative - self.beta))
        self.numbers = [
            self._number("alpha_p", (1,), alpha_p),
            self._number("alpha_n", (1,), alpha_n),
            self._number("beta", (), self.beta, trainable=False),
            self._number("eps", (), -1e-6, trainable=False),
        ]

    def _number(self, name, shape, value, trainable=True):
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            autocast=False,
            name=name,
        )

    def call(self, inputs):
        numbers = [ops.convert_to_tensor(x) for x in self.numbers]
        return one_program.run_number_by_number(_xielu, inputs, *numbers)

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
    """As `keras.activations.get`, but the name of a layer above stays a name."""
    if isinstance(activation, str) and activation in _LAYERS:
        return activation
    return keras.activations.get(activation)


def serialize_activation(activation):
    """As `keras.activations.serialize`, for what `get_activation` returned."""
    if isinstance(activation, str):
        return activation
    return keras.activations.serialize(activation)


def activation_layer(activation, dtype):
    """The layer of what `get_activation` returned, or None for a function."""
    if not isinstance(activation, str):
        return None
    return _LAYERS[activation](dtype=dtype, name="activation")


def _prelu(x, slope):
    return ops.where(x > 0, x, slope * x)


def _xielu(inputs, alpha_p, alpha_n, beta, eps):
    x = ops.cast(inputs, alpha_p.dtype)
    above = ops.softplus(alpha_p) * x * x
    # Above zero the exponential would overflow, and its gradient be NaN.
    below = (ops.softplus(alpha_n) + beta) * (ops.expm1(ops.minimum(x, eps)) - x)
    return ops.cast(ops.where(x > 0, above, below) + beta * x, inputs.dtype)
