"""Dtype policies of layers with quantized parts."""

import keras

from longkeras.layers.parts import parts_of


def policy_to_save(layer):
    """Return a layer's dtype policy, with those of its quantized parts by path.

    Without them, a layer that builds its own parts would be reloaded with float
    kernels, and int8 weights could not be loaded.

    Args:
        layer: `keras.layers.Layer`.

    Returns:
        dict, for `get_config`.
    """
    policy = layer.dtype_policy
    quantized = quantized_parts(layer)
    if quantized and not isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        policy = keras.dtype_policies.DTypePolicyMap(policy.name, quantized)
    return keras.dtype_policies.serialize(policy)


def quantized_parts(layer):
    """Return the dtype policies of the quantized parts of a layer by path.

    Args:
        layer: `keras.layers.Layer`.

    Returns:
        dict of `keras.DTypePolicy` by path.
    """
    parts = (part for part in parts_of(layer) if part.quantization_mode)
    return {part.path: part.dtype_policy for part in parts}
