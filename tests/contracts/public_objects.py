"""The public classes and functions themselves, for tests that hold for each."""

import dataclasses
import importlib
import inspect
from typing import Any

from tools.public_names import read_golden


def public_names() -> list[str]:
    """Every pinned class and function by name, such as `longkeras.ops.explain`."""
    return [
        f"{package}.{name}"
        for package, names in read_golden().items()
        for name in names
        if not name.isupper() and not name.startswith("_")
    ]


def public_object(dotted_name: str) -> Any:
    """The class or function of that name."""
    package, _, name = dotted_name.rpartition(".")
    return getattr(importlib.import_module(package), name)


def parameters_of(thing: Any) -> list[str]:
    """The names somebody who calls it may write, without `self` and `**kwargs`."""
    if dataclasses.is_dataclass(thing):
        return [field.name for field in dataclasses.fields(thing) if field.init]
    function = _own_constructor(thing) if inspect.isclass(thing) else thing
    if function is None:
        return []
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _own_constructor(kind: type) -> Any:
    """The constructor that longkeras wrote, for the class or one it stands on."""
    for base in kind.__mro__:
        if "__init__" in vars(base):
            return base.__init__ if base.__module__.startswith("longkeras.") else None
    return None
