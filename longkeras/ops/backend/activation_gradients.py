"""Gradients of a sigmoid and a tanh from what they gave: one operation each."""

import keras


def through_sigmoid(activated, gradient):
    """The gradient before a sigmoid.

    Args:
        activated: tensor, what the sigmoid gave.
        gradient: tensor of its shape.

    Returns:
        Tensor of that shape.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.SigmoidGrad(y=activated, dy=gradient)
    return gradient * activated * (1.0 - activated)


def through_tanh(activated, gradient):
    """The gradient before a tanh; see `through_sigmoid`."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.TanhGrad(y=activated, dy=gradient)
    return gradient * (1.0 - activated * activated)
