"""Checks of a saved model's JSON: its size, its classes, and the sizes it asks for.

Keras creates objects from dictionaries that name a class, a module and a configuration.
It imports the module if it belongs to Keras, and calls the class. Here every such
dictionary is resolved without importing anything: permitted are registered classes, and
the layers, losses and so on that Keras itself has loaded.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from longkeras.checkpoint_error import CheckpointError

MAX_JSON_BYTES = 64 * 2**20
_MAX_DEPTH = 200

# Keras creates plain values from these: numbers, bytes, slices, nodes of a graph.
_VALUES = frozenset(
    {
        "__bytes__",
        "__ellipsis__",
        "__keras_tensor__",
        "__numpy__",
        "__slice__",
        "__tensor__",
    }
)
# These run or load code from the file, even where they are registered.
_CODE = frozenset(
    {
        "FlaxLayer",
        "JaxLayer",
        "Lambda",
        "TFSMLayer",
        "TorchModuleWrapper",
        "__lambda__",
        "__typespec__",
    }
)
_PLAIN_DTYPE = re.compile(r"(bool|string|(u?int|b?float)\d{1,2}(_e\dm\d\w*)?)?")
_PACKAGES = ("keras", "keras_hub")
# Modules of Keras with functions that a configuration may name; none reads a file.
_FUNCTION_MODULES = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "regularizers",
)
# Arguments that need at least as many weights, and limits that are always allowed.
_SIZES = (
    "filters",
    "hidden_dim",
    "input_dim",
    "intermediate_dim",
    "num_layers",
    "output_dim",
    "units",
)
_FREE_SIZE = 2**20
_FREE_TABLE = 2**28
_NUMBERS_PER_BYTE = 2  # four bits each
# A string instead of a list is the name of a file that a tokenizer would read.
_LISTS = ("merges", "vocabulary")


def read_configuration(content: bytes, name: str) -> Any:
    """The value of a JSON file; `name` is what messages call the file.

    Refuses more than `MAX_JSON_BYTES`, deep nesting, and invalid JSON.
    """
    if len(content) > MAX_JSON_BYTES:
        raise CheckpointError(
            f"{name} must hold at most {MAX_JSON_BYTES} bytes of JSON. "
            f"Received: {len(content)} bytes"
        )
    try:
        value = json.loads(content.decode("utf-8"))
    except (RecursionError, ValueError) as error:
        raise CheckpointError(f"{name} is not readable JSON: {error}") from error
    for _, depth in _nodes(value):
        if depth > _MAX_DEPTH:
            raise CheckpointError(f"{name} is nested more than {_MAX_DEPTH} deep.")
    return value


def check_classes(configuration: Any, name: str) -> None:
    """Refuse a configuration with classes or functions that a file may not name.

    Permitted are those registered with Keras, which needs their import before, and
    Keras' own layers, losses, optimizers and so on, unless they run code of the file.
    """
    kinds = _allowed_kinds()
    for node, _ in _nodes(configuration):
        if isinstance(node, dict) and "class_name" in node:
            reason = _objection(node, kinds)
            if reason:
                raise CheckpointError(
                    f"{name} names what is not made from a file: {reason}. Received: "
                    f"class_name={node['class_name']!r}, module={node.get('module')!r}"
                    f", registered_name={node.get('registered_name')!r}"
                )


def check_sizes(configuration: Any, weight_bytes: int, name: str) -> None:
    """Raises an error if a configuration asks for far more weights than there are.

    Keras makes a model before it looks at the weights: of absurd sizes it would take
    all memory. This finds the absurd; that the rest fits is seen in loading.
    """
    most = _NUMBERS_PER_BYTE * weight_bytes
    for node, _ in _nodes(configuration):
        if not isinstance(node, dict):
            continue
        sizes = {key: node[key] for key in _SIZES if isinstance(node.get(key), int)}
        wrong = {key: size for key, size in sizes.items() if size > most + _FREE_SIZE}
        rows, columns = node.get("vocabulary_size"), sizes.get("hidden_dim", 0)
        if isinstance(rows, int) and rows * columns > most + _FREE_TABLE:
            wrong = {"vocabulary_size": rows, "hidden_dim": columns}
        if wrong:
            told = ", ".join(f"{key}={size}" for key, size in wrong.items())
            raise CheckpointError(
                f"{name} asks for more weights than the file's {weight_bytes} bytes "
                f"can hold. Received: {told}"
            )


def _nodes(value: Any) -> Iterator[tuple[Any, int]]:
    """Every dictionary and list inside a value, with its depth."""
    waiting = [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, dict | list):
            yield node, depth
            inner = node.values() if isinstance(node, dict) else node
            waiting.extend((each, depth + 1) for each in inner)


def _objection(node: dict[str, Any], kinds: tuple[type, ...]) -> str:
    """The reason against creating an object from a dictionary, or an empty string."""
    name = node["class_name"]
    if not isinstance(name, str):
        return "a class's name is a text"
    if name in _CODE:
        return "it would run code that the file brings along"
    if name in _VALUES:
        return _objection_to_values(node)
    if name == "function":
        return _objection_to_function(node)
    return _objection_to_class(node, kinds) or _objection_to_paths(node)


def _objection_to_values(node: dict[str, Any]) -> str:
    config = node.get("config")
    dtype = config.get("dtype", "") if isinstance(config, dict) else ""
    # NumPy knows types of any width: one text of a gigabyte.
    if isinstance(dtype, str) and _PLAIN_DTYPE.fullmatch(dtype):
        return ""
    return "its dtype is none of Keras'"


def _objection_to_class(node: dict[str, Any], kinds: tuple[type, ...]) -> str:
    name = node["class_name"]
    registered_name = node.get("registered_name", name)
    registered = _registered(registered_name)
    if registered is not None:
        named_so = registered_name.rpartition(">")[2] == name
        if named_so or getattr(registered, "__name__", None) == name:
            return ""
        return "its class has another name than the registered one"
    found = _loaded(node.get("module"), name)
    if found is None:
        return "it is not registered, and no part of Keras"
    if not (isinstance(found, type) and issubclass(found, kinds)):
        return "it is no layer, loss, optimizer or the like"
    if found.__name__ in _CODE:
        return "it would run code that the file brings along"
    return ""


def _objection_to_function(node: dict[str, Any]) -> str:
    import keras

    name, module = node.get("config"), node.get("module")
    if not isinstance(name, str):
        return "a function's name is a text"
    own = keras.saving.get_custom_objects()
    # As Keras does for files of its version 3.6: without the package's name.
    if _registered(name) is not None or any(key.endswith(f">{name}") for key in own):
        return ""
    for each in _FUNCTION_MODULES:
        is_meant = module in ("builtins", f"keras.{each}")
        if is_meant and hasattr(getattr(keras, each), name):
            return ""
    return "it is not registered, and no function of Keras"


def _objection_to_paths(node: dict[str, Any]) -> str:
    config = node.get("config")
    if not isinstance(config, dict):
        return ""
    paths = [key for key in _LISTS if isinstance(config.get(key), str)]
    return f"its {paths[0]} would be read from another file" if paths else ""


def _registered(name: Any) -> Any:
    import keras

    return keras.saving.get_registered_object(name) if isinstance(name, str) else None


def _loaded(module: Any, name: str) -> Any:
    """The object of that name in Keras or KerasHub, if its module is loaded."""
    if not isinstance(module, str) or module.partition(".")[0] not in _PACKAGES:
        return None
    return getattr(sys.modules.get(module), name, None)


def _allowed_kinds() -> tuple[type, ...]:
    import keras

    return (
        keras.Operation,  # layers and models too
        keras.constraints.Constraint,
        keras.dtype_policies.DTypePolicy,
        keras.dtype_policies.DTypePolicyMap,
        keras.initializers.Initializer,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.quantizers.QuantizationConfig,
        keras.quantizers.Quantizer,
        keras.random.SeedGenerator,
        keras.regularizers.Regularizer,
    )
