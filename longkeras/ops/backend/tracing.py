"""Trace a model's call, so that what it decides while tracing can be observed."""

import keras
from keras import tree


def trace(model, inputs, call_arguments):
    """Trace `model(inputs, **call_arguments)` as `predict` does.

    Nothing is computed on TensorFlow and JAX; PyTorch, which does not trace, computes.
    No variable changes.

    Args:
        model: `keras.Model` or `keras.layers.Layer`.
        inputs: nested structure of arrays or tensors.
        call_arguments: dict, further arguments of the call.
    """
    # Weights that are not built yet cannot be made inside a trace.
    if not model.built:
        model(inputs, **call_arguments)

    def call(inputs, call_arguments):
        with keras.StatelessScope():
            return model(inputs, **call_arguments)

    backend = keras.backend.backend()
    static, tensors = {}, {}
    for name, value in call_arguments.items():
        is_tensor = all(hasattr(x, "shape") for x in tree.flatten(value))
        (tensors if is_tensor else static)[name] = value
    if backend == "tensorflow":
        import tensorflow as tf

        tensors = tree.map_structure(tf.convert_to_tensor, (inputs, tensors))
        traced = tf.function(lambda x, y: call(x, {**y, **static}), autograph=False)
        traced.get_concrete_function(*tensors)
    elif backend == "jax":
        import jax

        jax.eval_shape(lambda x, y: call(x, {**y, **static}), inputs, tensors)
    else:
        import torch

        with torch.no_grad():
            call(inputs, call_arguments)
