"""Values of tensors that are not being traced."""

import sys

import numpy as np


def concrete_array(x):
    """Return the values of a tensor as a NumPy array, if they are known.

    Args:
        x: array or tensor of any backend.

    Returns:
        NumPy array; None if `x` is traced or symbolic, or not an array.
    """
    if isinstance(x, np.ndarray):
        return x
    package = type(x).__module__.partition(".")[0]
    if package == "tensorflow":
        # Only eager tensors have `numpy`.
        return np.asarray(x.numpy()) if hasattr(x, "numpy") else None
    if package == "torch":
        # Keras infers shapes on the device "meta", whose tensors have no values.
        return None if x.device.type == "meta" else x.detach().cpu().numpy()
    if package in ("jax", "jaxlib"):
        is_traced = isinstance(x, sys.modules["jax"].core.Tracer)
        return None if is_traced or not x.is_fully_addressable else np.asarray(x)
    return None
