"""Theoretical reach of a language model."""

from longkeras.patterns import BandedPattern, receptive_field


def theoretical_reach(model):
    """Compute how many bytes back a prediction can depend on.

    For attention windows this is the reach of all layers together, plus that of the
    n-grams at its end. `context_use` and the recall examples measure how much of it
    the model uses.

    Args:
        model: a causal language model. Its `backbone` may have an `attention_window`
            and `attention_dilation`, one value or one per layer, as
            `longkeras.models.CausalTransformerBackbone` has them, and its
            `token_reach`.

    Returns:
        int, or None if it is unlimited, as for an LSTM.

    Example:

    >>> from types import SimpleNamespace
    >>> backbone = SimpleNamespace(
    ...     num_layers=3, attention_window=(64, 256, 512), attention_dilation=1
    ... )
    >>> model = SimpleNamespace(backbone=backbone, context_length=None)
    >>> theoretical_reach(model)
    829

    Reference:
        [Longformer, section 3.1](https://arxiv.org/abs/2004.05150)
    """
    backbone = getattr(model, "backbone", None)
    windows = _per_layer(backbone, "attention_window", None)
    if not windows or None in windows:
        return None if model.context_length is None else model.context_length - 1
    dilations = _per_layer(backbone, "attention_dilation", 1)
    field = receptive_field(
        [
            BandedPattern.causal(
                window, tuple(dilation) if isinstance(dilation, list) else dilation
            )
            for window, dilation in zip(windows, dilations, strict=True)
        ]
    )
    reach = field.left + getattr(backbone, "token_reach", 0)
    limit = model.context_length
    return reach if limit is None else min(reach, limit - 1)


def _per_layer(backbone, name, default):
    value = getattr(backbone, name, default)
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] * getattr(backbone, "num_layers", 0)
