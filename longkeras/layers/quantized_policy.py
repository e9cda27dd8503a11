"""The dtype policy a layer is saved with, when parts of it were quantized."""

import keras


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
    quantized = dict(_quantized_parts(layer))
    if quantized and not isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        policy = keras.dtype_policies.DTypePolicyMap(policy.name, quantized)
    return keras.dtype_policies.serialize(policy)


def _quantized_parts(layer):
    for part in vars(layer).values():
        if isinstance(part, keras.layers.Layer):
            if part.quantization_mode:
                yield part.path, part.dtype_policy
            yield from _quantized_parts(part)
