"""The dtype policy a layer is saved with, when parts of it were quantized."""

import keras

from longkeras.layers.parts import parts_of


def policy_to_save(layer):
    """The layer's policy, with those of its quantized parts by their paths.

    A layer that builds its parts itself would otherwise come back with float kernels,
    and eight bits to load into them.

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
    """The parts that were quantized, with how, by their paths.

    Args:
        layer: `keras.layers.Layer`.

    Returns:
        dict of `keras.DTypePolicy` by path.
    """
    parts = (part for part in parts_of(layer) if part.quantization_mode)
    return {part.path: part.dtype_policy for part in parts}
