"""A checkpoint's folder and configuration, with what the caller asks of it."""

import inspect
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import Tensors
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.safe_files.preset_layout import CONFIG_FILE


@dataclass(frozen=True)
class LoadRequest:
    """A checkpoint, and the model that the caller wants from it.

    Attributes:
        folder: path.
        config: dict. The folder's `config.json`.
        task: class, name, or None for the checkpoint's own task.
        load_weights: bool. Defaults to `True`.
        overrides: dict of arguments of backbone and task that take precedence over
            the checkpoint's.
    """

    folder: Path
    config: dict[str, Any]
    task: type | str | None = None
    load_weights: bool = True
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The path of `config.json`, for messages."""
        return self.folder / CONFIG_FILE

    @property
    def model_type(self) -> Any:
        """The checkpoint's kind, such as `"bert"`."""
        return self.config.get("model_type")

    @property
    def num_classes(self) -> int | None:
        """The number of classes that is wanted, given as such or by their names."""
        names, wanted = map(self.overrides.get, ("class_names", "num_classes"))
        if wanted is None and isinstance(names, list | tuple):
            return len(names)
        return wanted

    @cached_property
    def tensors(self) -> Tensors:
        """The tensors as the files name them; empty where no weights are wanted."""
        return read_tensors(self.folder) if self.load_weights else {}

    def size(self, name: str, default: int | None = None) -> int:
        """An int of `config.json`, at least 0. Without a default it is required."""
        value = self.config.get(name, default)
        if type(value) is not int or value < 0:
            raise self.impossible(name)
        return value

    def number(self, name: str, default: float) -> float:
        """A number of `config.json`, at least 0."""
        value = self.config.get(name, default)
        if type(value) not in (int, float) or value < 0:
            raise self.impossible(name)
        return float(value)

    def impossible(self, name: str) -> CheckpointError:
        """The error for a key of `config.json` that has no possible value."""
        said = repr(self.config[name])[:200] if name in self.config else "nothing"
        return CheckpointError(
            f"`{name}` is missing or impossible. Received: path={self.path}, "
            f"{name}={said}"
        )

    def split_overrides(
        self, backbone: type, task: type | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The overrides of the backbone and those of the task, which may be None.

        Both get `dropout`. Any other argument that both have, such as a classifier's
        `activation`, is the task's.
        """
        if task is None:
            return self.overrides, {}
        of_task = constructor_arguments(task)
        of_backbone = constructor_arguments(backbone)
        of_backbone -= of_task - {"dropout"}
        return (
            {name: x for name, x in self.overrides.items() if name in of_backbone},
            {
                name: x
                for name, x in self.overrides.items()
                if name in of_task or name not in of_backbone
            },
        )


def constructor_arguments(kind: type) -> set[str]:
    """The arguments of a constructor; of `(*args, **kwargs)`, those of its base."""
    for base in kind.__mro__:
        parameters = inspect.signature(base).parameters.values()
        variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
        named = {x.name for x in parameters if x.kind not in variadic}
        if named:
            return named
    return set()
