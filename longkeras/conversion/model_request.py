"""A Hugging Face folder, and what a caller wants of it."""

import inspect
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.checkpoint_tensors import Tensors
from longkeras.conversion.model_folder import CONFIG_FILE
from longkeras.conversion.tensor_files.tensor_folder import read_tensors


@dataclass(frozen=True)
class ModelRequest:
    """A checkpoint, and what is to be made of it.

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

    @cached_property
    def tensors(self) -> Tensors:
        """The tensors as the files name them; none where no weights are wanted."""
        return read_tensors(self.folder) if self.load_weights else {}

    def size(self, name: str, default: int | None = None) -> int:
        """A whole number of `config.json`, at least zero.

        Args:
            name: str.
            default: int. Defaults to `None`: the key must be there.

        Returns:
            int.

        Raises:
            CheckpointError: If it is missing or something else.
        """
        value = self.config.get(name, default)
        if type(value) is not int or value < 0:
            raise self.impossible(name)
        return value

    def number(self, name: str, default: float) -> float:
        """A number of `config.json`, at least zero; see `size`."""
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
        """Arguments of the backbone and of the task; both get `dropout`.

        Any other argument that both have, such as a classifier's `activation`, is the
        task's.

        Args:
            backbone: class.
            task: class, or None where the backbone alone is wanted.

        Returns:
            Two dicts.
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
