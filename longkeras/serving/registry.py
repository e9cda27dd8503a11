"""Registry of the shipped models, which are loaded on first use."""

import threading
import time
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError
from longkeras.persistence import load_model
from longkeras.serving.context_reader import prepare_prefill, prepare_step
from longkeras.serving.key_finder import KeyFinder
from longkeras.serving.manifest import check_files, read_manifest
from longkeras.serving.shared_model import SharedModel

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "saved_models"
SAVED_MODELS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "saved_models"
"""The shipped models: inside an installed package, in a checkout beside it."""

LOADING_ERRORS = (CheckpointError, ImportError, OSError)
"""Why a model cannot be loaded: its files, a missing package, the disk."""

PREPARATIONS = {"reading": prepare_prefill, "stepping": prepare_step}
"""Functions that compile a model, by purpose."""


class ModelRegistry:
    """The models of a folder with a manifest.

    The manifest is read at once and nothing else: listing models costs no import of
    keras. A model is loaded when first asked for, after every file of its folder was
    compared with its digest, and then kept. Safe to use from many threads.

    Args:
        folder: path or None. A folder with a `manifest.json`. Defaults to the
            models shipped with longkeras.

    Raises:
        CheckpointError: (a `ValueError`) the folder has no readable manifest.
    """

    def __init__(self, folder=None):
        self.folder = Path(folder) if folder is not None else SAVED_MODELS
        self._entries = {entry.name: entry for entry in read_manifest(self.folder)}
        self._locks = {name: threading.Lock() for name in self._entries}
        self._loaded = {}
        self.key_finder = KeyFinder(self.folder / "passkey-encoder")

    def names(self):
        """Return the models' names, in the manifest's order.

        Returns:
            tuple of str.
        """
        return tuple(self._entries)

    def entry(self, name):
        """Return what the manifest says of a model.

        Args:
            name: str. One of `names()`.

        Returns:
            `ModelEntry`.

        Raises:
            ValueError: there is no such model.
        """
        if name not in self._entries:
            raise ValueError(
                f"`name` must be one of {', '.join(self._entries)}. "
                f"Received: name={name!r}"
            )
        return self._entries[name]

    def load(self, name):
        """Return a model, loading it the first time.

        Args:
            name: str. One of `names()`.

        Returns:
            `SharedModel`: the same object every time.

        Raises:
            CheckpointError: (a `ValueError`) a file is missing or is not the one of
                the manifest, or the model cannot be built from them. All that may be
                raised for a model's sake is in `LOADING_ERRORS`.
        """
        entry = self.entry(name)
        with self._locks[name]:
            if name not in self._loaded:
                self._loaded[name] = self._load(entry)
            return self._loaded[name]

    def warm_up(self, name, purposes=tuple(PREPARATIONS)):
        """Load a model and compile what it will be used for.

        Compiling takes longer than reading a chapter: done when the page starts, it
        does not have to be waited for later.

        Args:
            name: str. One of `names()`.
            purposes: sequence of str. `"reading"` is enough to read a document;
                continuing and inspecting need `"stepping"` too.

        Returns:
            float: the seconds it took; close to 0 the second time.
        """
        started = time.perf_counter()
        model = self.load(name)
        for purpose in purposes:
            PREPARATIONS[purpose](model)
        return time.perf_counter() - started

    def _load(self, entry):
        preset = check_files(self.folder, entry)
        model = load_model(preset)
        if model.count_params() != entry.parameters:
            raise CheckpointError(
                f"The model {entry.name!r} must have the number of `parameters` that "
                f"the manifest gives ({entry.parameters}). "
                f"Received: {model.count_params()}"
            )
        return SharedModel(model, entry.name)


def load_each(registry, names):
    """Load several models; one that fails does not keep the others from being used.

    Args:
        registry: `ModelRegistry`.
        names: sequence of str.

    Returns:
        Tuple of two dicts by name: each `SharedModel` that was loaded, and each error
        of those that were not.
    """
    models, failures = {}, {}
    for name in names:
        try:
            models[name] = registry.load(name)
        except LOADING_ERRORS as error:
            failures[name] = error
    return models, failures
