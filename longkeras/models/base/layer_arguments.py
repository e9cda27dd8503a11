"""Arguments of backbones that may differ from layer to layer."""

from longkeras.models.base.initializers import FirstWeights


def one_per_layer(name, value, num_layers):
    """A list with the argument of each layer.

    Args:
        name: str. The argument, for the error.
        value: one value for all layers, or a list or tuple of one per layer.
        num_layers: int.

    Returns:
        list of `num_layers` values.

    Raises:
        ValueError: If a list has another length.
    """
    if not isinstance(value, (list, tuple)):
        return [value] * num_layers
    if len(value) != num_layers:
        raise ValueError(
            f"`{name}` must be one value, or a list of one per layer ({num_layers}). "
            f"Received: {name}={value}"
        )
    return list(value)


def layer_initializer(seed, index):
    """First weights as of BERT, a seed of its own for each layer of a model.

    Args:
        seed: int or None. The model's.
        index: int. Which layer.

    Returns:
        `keras.initializers.Initializer`.
    """
    seed = None if seed is None else 1000 * (seed + 1) + index
    return FirstWeights(stddev=0.02, seed=seed)
