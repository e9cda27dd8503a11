"""Gradients of a sigmoid and a tanh from their outputs, as one operation each."""

import keras


def through_sigmoid(activated, gradient):
    """Return the gradient with respect to the input of a sigmoid.

    Args:
        activated: tensor, the output of the sigmoid.
        gradient: tensor of its shape, the gradient of the output.

    Returns:
        Tensor of that shape.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.SigmoidGrad(y=activated, dy=gradient)
    return gradient * activated * (1.0 - activated)


def through_tanh(activated, gradient):
    """Return the gradient of the input of a tanh; see `through_sigmoid`."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.TanhGrad(y=activated, dy=gradient)
    return gradient * (1.0 - activated * activated)
