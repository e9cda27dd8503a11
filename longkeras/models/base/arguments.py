"""Checks of constructor arguments and of features that a family may lack."""

import difflib
import inspect
from typing import ClassVar

# Arguments of the constructors of Keras and KerasHub.
_OF_KERAS = ("compile", "dtype", "inputs", "name", "outputs", "trainable")


class StrictArguments:
    """Refuses unknown constructor arguments, which Keras' functional models accept.

    Mixin. Must precede `keras.Model` in the bases.

    Attributes:
        unsupported: dict of str. The features that a family lacks, with the reason:
            `"enable_lora"` and `"huggingface"` (presets in Hugging Face's format).
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
    """Raise a `ValueError` if the family of a model or class lacks a feature.

    `feature` is a key of `StrictArguments.unsupported`; the error names `received`.
    """
    family = getattr(model, "backbone_cls", None) or model
    reason = getattr(family, "unsupported", {}).get(feature)
    if reason is not None:
        given = ", ".join(f"{name}={value}" for name, value in received.items())
        raise ValueError(f"{reason}. Received: {given}")


def one_per_layer(name, value, num_layers):
    """Return a list with the value of each layer.

    `value` is one value for all layers, or a list or tuple of `num_layers`; a
    `ValueError` refuses another number.
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
