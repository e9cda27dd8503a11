"""Conversion of Keras' attention layers to `SlidingWindowAttention`."""

import keras

# Arguments that our layers do not have, with the value that has no effect.
_NOT_HERE = {
    "use_gate": False,
    "output_shape": None,
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
_SAME_NAME = (
    "name",
    "trainable",
    "dropout",
    "use_bias",
    "kernel_initializer",
    "bias_initializer",
    "seed",
)


def arguments_of(layer, is_causal):
    """Return the hidden dimension and the arguments of `SlidingWindowAttention`.

    Args:
        layer: see `SlidingWindowAttention.from_keras_attention`.
        is_causal: bool.

    Returns:
        `(hidden_dim, arguments)`.
    """
    config = layer.get_config()
    _check(layer, config)
    hidden_dim = layer.get_weights()[0].shape[0]
    # Keras counts the token itself on both sides.
    reach = config["sliding_window"] - 1
    # A window of the token itself alone is causal too.
    is_causal = is_causal or reach == 0
    return hidden_dim, {
        **{name: config[name] for name in _SAME_NAME},
        "dtype": layer.dtype_policy,
        "num_heads": config.get("num_heads", config.get("num_query_heads")),
        "num_key_value_heads": config.get("num_key_value_heads"),
        "head_dim": config.get("key_dim", config.get("head_dim")),
        "attention_window": reach + 1 if is_causal else 2 * reach,
        "is_causal": is_causal,
    }


def copy_weights(source, target):
    """Copy the projections of a Keras layer, whose heads are a separate axis."""
    arrays = iter(source.get_weights())
    for name in ("query", "key", "value", "output"):
        for weight in getattr(target, f"{name}_dense").weights:
            weight.assign(next(arrays).reshape(weight.shape))


def _check(layer, config):
    kinds = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
    if not isinstance(layer, kinds) or not layer.built:
        raise ValueError(
            "`layer` must be a `keras.layers.MultiHeadAttention` or "
            "`keras.layers.GroupQueryAttention` that is built: call it once. "
            f"Received: layer={layer!r}"
        )
    if config["sliding_window"] is None:
        raise ValueError(
            "`layer` must have a `sliding_window`; attention without one is "
            f"`longkeras.layers.FullSelfAttention`. Received: layer={layer!r}"
        )
    odd = [name for name, value in _NOT_HERE.items() if config.get(name) != value]
    if config.get("value_dim") != config.get("key_dim"):
        odd.append("value_dim")
    if config.get("attention_axes") not in (None, (1,), [1]):
        odd.append("attention_axes")
    input_dims = {array.shape[0] for array in _kernels(layer)[:3]}
    if odd or len(input_dims) > 1:
        raise ValueError(
            "`layer` must be plain self-attention: no gate, regularizer or "
            "constraint, values as large as keys, and query, key and value of one "
            f"size. Received: {', '.join(odd) or 'inputs'} set otherwise, in {layer!r}"
        )


def _kernels(layer):
    arrays = layer.get_weights()
    return [array for array in arrays if array.ndim == 3]
