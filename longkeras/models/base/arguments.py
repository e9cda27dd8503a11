"""Arguments and features of models: unknown ones, unsupported ones, one per layer."""

import difflib
import inspect
from typing import ClassVar

# Arguments of the constructors of Keras and KerasHub.
_OF_KERAS = ("compile", "dtype", "inputs", "name", "outputs", "trainable")


class StrictArguments:
    """Refuses unknown arguments and unsupported features.

    Keras accepts any keyword argument of a functional model, so that a misspelt one
    would be lost. Mixin. Must precede `keras.Model`.

    Attributes:
        unsupported: dict of str. The features that a family does not have, with the
            reason: `"enable_lora"` and `"huggingface"` (presets in the format of
            Hugging Face).
    """

    unsupported: ClassVar = {}

    def __init__(self, *args, **kwargs):
        unknown = sorted(set(kwargs) - set(_OF_KERAS))
        if unknown:
            name = unknown[0]
            raise ValueError(
                f"`{name}` is no argument of {type(self).__name__}; "
                f"{_advice(name, type(self))}. Received: {name}={kwargs[name]!r:.200}"
            )
        super().__init__(*args, **kwargs)


def check_supported(model, feature, **received):
    """Check that a model has a feature that some families lack.

    Args:
        model: model or its class. A task has what its backbone has.
        feature: str. See `StrictArguments`.
        **received: arguments of the caller, for the error.

    Raises:
        ValueError: If it has not.
    """
    family = getattr(model, "backbone_cls", None) or model
    reason = getattr(family, "unsupported", {}).get(feature)
    if reason is not None:
        given = ", ".join(f"{name}={value}" for name, value in received.items())
        raise ValueError(f"{reason}. Received: {given}")


def one_per_layer(name, value, num_layers):
    """Return an argument as a list with the value of each layer.

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


def _advice(name, model_class):
    known = inspect.signature(model_class).parameters.values()
    known = [each.name for each in known if each.kind != each.VAR_KEYWORD]
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"the nearest is `{near[0]}`"
    return f"it takes {', '.join(known)}"
