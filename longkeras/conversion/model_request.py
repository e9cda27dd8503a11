"""What a caller wants of a Hugging Face folder."""

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longkeras.conversion.model_folder import CONFIG_FILE


@dataclass(frozen=True)
class ModelRequest:
    """A folder, and what is to be made of it.

    Attributes:
        folder: path.
        config: dict. Of its `config.json`.
        task: class, name, or None for what the folder says it is.
        load_weights: bool. Defaults to `True`.
        overrides: dict of arguments of backbone and task that win over the folder's.
    """

    folder: Path
    config: dict[str, Any]
    task: type | str | None = None
    load_weights: bool = True
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The configuration, for messages."""
        return self.folder / CONFIG_FILE

    def split_overrides(
        self, backbone: type, task: type | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments of the backbone and of the task; `dropout` is one of both.

        Another name that both have, such as a classifier's `activation`, is the
        task's.

        Args:
            backbone: class.
            task: class, or None where the backbone alone is wanted.

        Returns:
            Two dicts.
        """
        if task is None:
            return self.overrides, {}
        of_task = set(inspect.signature(task).parameters)
        of_backbone = set(inspect.signature(backbone).parameters)
        of_backbone -= of_task - {"dropout"}
        return (
            {name: x for name, x in self.overrides.items() if name in of_backbone},
            {
                name: x
                for name, x in self.overrides.items()
                if name in of_task or name not in of_backbone
            },
        )
