"""The registry of families, each imported when a checkpoint needs it.

A new family is a module here that defines a `Family`, and a line in `_FAMILIES`. A
short encoder that can be made long is a module in `to_long` and a line in `_MADE_LONG`.
"""

from pkgutil import resolve_name
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.load_request import LoadRequest

# By the `model_type` of config.json.
_FAMILIES = {
    "longformer": "longkeras.conversion.families.longformer.FAMILY",
    "bert": "longkeras.conversion.families.keras_hub.BERT",
    "roberta": "longkeras.conversion.families.keras_hub.ROBERTA",
    "xlm-roberta": "longkeras.conversion.families.keras_hub.XLM_ROBERTA",
}
# Short encoders that can be made long.
_MADE_LONG = {
    "bert": "longkeras.conversion.to_long.encoders.BERT",
    "roberta": "longkeras.conversion.to_long.encoders.ROBERTA",
    "xlm-roberta": "longkeras.conversion.to_long.encoders.ROBERTA",
}
# KerasHub's presets of short encoders, by the registered name of the backbone.
_PRESETS_MADE_LONG = dict.fromkeys(
    (
        "keras_hub>BertBackbone",
        "keras_hub>RobertaBackbone",
        "keras_hub>XLMRobertaBackbone",
        "longkeras>ExactBertBackbone",
    ),
    "longkeras.conversion.to_long.keras_hub_models.read_preset",
)


def find_family(request: LoadRequest) -> Any:
    """The family of a checkpoint."""
    family = _resolve(_FAMILIES, request)
    variant = family.variant and family.variant(request)
    return resolve_name(_FAMILIES[variant]) if variant else family


def find_long_family(request: LoadRequest) -> Any:
    """The family of a short encoder that is made long."""
    return _resolve(_MADE_LONG, request)


def family_that_makes(request: LoadRequest) -> Any:
    """The family of a checkpoint, or its longer one if the task is a class of that."""
    family = find_family(request)
    if family.makes(request.task) or request.model_type not in _MADE_LONG:
        return family
    longer = find_long_family(request)
    return longer if longer.makes(request.task) else family


def family_of_model(model: Any) -> Any:
    """The family of a model that can be written, or None."""
    families = (resolve_name(name) for name in _FAMILIES.values())
    return next((x for x in families if x.config and x.head_of_model(model)), None)


def preset_reader(registered_name: Any) -> Any:
    """The function that makes KerasHub presets of a backbone long, or None."""
    name = _PRESETS_MADE_LONG.get(str(registered_name))
    return resolve_name(name) if name else None


def _resolve(known: dict[str, str], request: LoadRequest) -> Any:
    model_type = str(request.model_type)
    if model_type not in known:
        raise CheckpointError(
            f"`model_type` must be one of {', '.join(known)}. "
            f"Received: path={request.path}, model_type={request.model_type!r}"
        )
    return resolve_name(known[model_type])
