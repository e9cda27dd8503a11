"""Values of tensors that are there, as opposed to those that are being traced."""

import sys

import numpy as np


def concrete_array(x):
    """The values of a tensor, if it has any yet.

    Args:
        x: array or tensor of any backend.

    Returns:
        NumPy array; None for a tensor that is being traced, is symbolic, or is not
        an array at all.
    """
    if isinstance(x, np.ndarray):
        return x
    package = type(x).__module__.partition(".")[0]
    if package == "tensorflow":
        # Eager tensors alone have `numpy`.
        return np.asarray(x.numpy()) if hasattr(x, "numpy") else None
    if package == "torch":
        # Keras infers shapes with tensors on the device "meta", which have no values.
        return None if x.device.type == "meta" else x.detach().cpu().numpy()
    if package in ("jax", "jaxlib"):
        is_traced = isinstance(x, sys.modules["jax"].core.Tracer)
        return None if is_traced or not x.is_fully_addressable else np.asarray(x)
    return None
