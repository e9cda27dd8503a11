"""xIELU: an activation whose slope grows, with two learnt numbers for a whole layer."""

import math

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.ops.implementations import one_program


@keras.saving.register_keras_serializable(package="longkeras")
class XIELU(keras.layers.Layer):
    """`a x² + b x` above zero and `c (eˣ - 1 - x) + b x` below, `a` and `c` trained.

    `a` and `c - b` stay above zero: they are softpluses of the weights `alpha_p` and
    `alpha_n`. `b` and the number just below zero up to which `eˣ` is taken are weights
    that do not train, as in checkpoints of `transformers`. Computed in float32. The
    encoder's `activation="xielu"` is this layer.

    Args:
        alpha_positive: float. `a` at first. Defaults to `0.8`.
        alpha_negative: float, more than `beta`. `c` at first. Defaults to `0.8`.
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
        self.numbers = [
            self._number("alpha_p", (1,), _inverse_softplus(self.alpha_positive)),
            self._number(
                "alpha_n", (1,), _inverse_softplus(self.alpha_negative - self.beta)
            ),
            self._number("beta", (), self.beta, trainable=False),
            self._number("eps", (), -1e-6, trainable=False),
        ]

    def call(self, inputs):
        numbers = [ops.convert_to_tensor(x) for x in self.numbers]
        return one_program.run_number_by_number(_xielu, inputs, *numbers)

    def _number(self, name, shape, value, trainable=True):
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            autocast=False,
            name=name,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "alpha_positive": self.alpha_positive,
            "alpha_negative": self.alpha_negative,
            "beta": self.beta,
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape


def _inverse_softplus(value):
    return math.log(math.expm1(value))


def _xielu(inputs, alpha_p, alpha_n, beta, eps):
    x = ops.cast(inputs, alpha_p.dtype)
    above = ops.softplus(alpha_p) * x * x
    # Above zero the exponential would overflow, and its gradient be NaN.
    below = (ops.softplus(alpha_n) + beta) * (ops.expm1(ops.minimum(x, eps)) - x)
    return ops.cast(ops.where(x > 0, above, below) + beta * x, inputs.dtype)
