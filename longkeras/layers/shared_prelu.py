"""ReLU with a slope below zero that is learnt: one number for a whole layer."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.ops.implementations import one_program


@keras.saving.register_keras_serializable(package="longkeras")
class SharedPReLU(keras.layers.Layer):
    """`x` above zero and `slope · x` below, with one trained slope for all features.

    As PyTorch's `PReLU`; `keras.layers.PReLU` has a slope for every place of its
    inputs. The encoder's `activation="prelu"` is this layer.

    Args:
        negative_slope: float. The slope at first. Defaults to `0.25`.
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

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}

    def compute_output_shape(self, inputs_shape):
        return inputs_shape


def _prelu(x, slope):
    return ops.where(x > 0, x, slope * x)
