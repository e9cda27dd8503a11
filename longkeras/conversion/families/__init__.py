"""The registry of families: a line each, imported when a checkpoint needs it.

A new family is a module here that defines a `Family`, and a line in `_FAMILIES`. A
short encoder that can be made long is a module in `to_long` and a line in `_MADE_LONG`.
"""

from pkgutil import resolve_name
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.model_request import ModelRequest

# By the `model_type` of config.json.
_FAMILIES = {
    "longformer": "longkeras.conversion.families.longformer.FAMILY",
    "bert": "longkeras.conversion.families.keras_hub.BERT",
    "roberta": "longkeras.conversion.families.keras_hub.ROBERTA",
    "xlm-roberta": "longkeras.conversion.families.keras_hub.XLM_ROBERTA",
}
# Checkpoints of which longer models can be made.
_MADE_LONG = {
    "bert": "longkeras.conversion.to_long.encoders.BERT",
    "roberta": "longkeras.conversion.to_long.encoders.ROBERTA",
    "xlm-roberta": "longkeras.conversion.to_long.encoders.ROBERTA",
}
# The same of KerasHub's presets, by the registered name of the backbone.
_PRESETS_MADE_LONG = dict.fromkeys(
    (
        "keras_hub>BertBackbone",
        "keras_hub>RobertaBackbone",
        "keras_hub>XLMRobertaBackbone",
        "longkeras>ExactBertBackbone",
    ),
    "longkeras.conversion.to_long.keras_hub_models.read_preset",
)


def find_family(request: ModelRequest) -> Any:
    """The family of a checkpoint.

    Args:
        request: `ModelRequest`.

    Returns:
        `Family`.

    Raises:
        CheckpointError: If the `model_type` is not known.
    """
    family = _resolve(_FAMILIES, request)
    variant = family.variant and family.variant(request)
    return resolve_name(_FAMILIES[variant]) if variant else family


def find_long_family(request: ModelRequest) -> Any:
    """The family to which a short encoder belongs once it is made long.

    Args:
        request: `ModelRequest`.

    Returns:
        `Family`.

    Raises:
        CheckpointError: If no longer model can be made of the `model_type`.
    """
    return _resolve(_MADE_LONG, request)


def family_that_makes(request: ModelRequest) -> Any:
    """The family of a checkpoint, or the longer one if the task is a class of that.

    Args:
        request: `ModelRequest`. Its task may be the class of a preprocessor too.

    Returns:
        `Family`.

    Raises:
        CheckpointError: If the `model_type` is not known.
    """
    family = find_family(request)
    if family.makes(request.task) or request.config["model_type"] not in _MADE_LONG:
        return family
    longer = find_long_family(request)
    return longer if longer.makes(request.task) else family


def family_of_model(model: Any) -> Any:
    """The family of a model that can be written, or None."""
    families = (resolve_name(name) for name in _FAMILIES.values())
    return next((x for x in families if x.config and x.head_of_model(model)), None)


def preset_reader(registered_name: Any) -> Any:
    """The function that makes longer models of a KerasHub preset, or None.

    Args:
        registered_name: str. That of the preset's backbone.

    Returns:
        function `(kind, preset, load_weights, **arguments)`, or None.
    """
    name = _PRESETS_MADE_LONG.get(str(registered_name))
    return resolve_name(name) if name else None


def _resolve(known: dict[str, str], request: ModelRequest) -> Any:
    model_type = request.config.get("model_type")
    if str(model_type) not in known:
        raise CheckpointError(
            f"`model_type` must be one of {', '.join(known)}. "
            f"Received: path={request.path}, model_type={model_type!r}"
        )
    return resolve_name(known[str(model_type)])
