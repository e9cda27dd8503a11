"""Long documents with Keras: LSTM, Transformer and Longformer language models.

Subpackages load on first use, so that `import longkeras` takes no time:
`longkeras.models` brings KerasHub (and with it TensorFlow), `longkeras.app` Gradio.
"""

import importlib
from types import ModuleType

from longkeras.checkpoint_error import CheckpointError
from longkeras.persistence import load_model, save_model

__version__ = "0.1.0.dev0"

_SUBPACKAGES = (
    "app",
    "conversion",
    "data",
    "evaluation",
    "fitting",
    "layers",
    "models",
    "ops",
    "patterns",
    "safe_files",
    "serving",
    "text",
)

__all__ = ["CheckpointError", "__version__", "load_model", "save_model"]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"longkeras.{name}")
    raise AttributeError(f"module 'longkeras' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
