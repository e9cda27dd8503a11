"""Registry of the models of a folder, which are loaded on first use."""

import time
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError
from longkeras.persistence import load_model
from longkeras.serving.byte_tokens import check_byte_tokens
from longkeras.serving.context_reader import prepare_prefill, prepare_step
from longkeras.serving.key_finder import KeyFinder, with_long_positions
from longkeras.serving.manifest import TASKS, check_files, read_manifest
from longkeras.serving.model_cache import ModelCache

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "saved_models"
SAVED_MODELS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "saved_models"
"""The shipped models: inside an installed package, in a checkout beside it."""

LOADING_ERRORS = (CheckpointError, ImportError, OSError)
"""Why a model cannot be loaded: its files, a missing package, the disk."""

PREPARATIONS = {"reading": prepare_prefill, "stepping": prepare_step}
"""Functions that compile a causal language model, by purpose."""

PROGRAM_BYTES = 100_000_000
"""Estimate of the memory that a model's compiled programs take, besides its weights.

It is 20 to 170 MB for the shipped models on TensorFlow. A dropped model gives back all
of its weights. Of its programs, TensorFlow keeps a part until the process ends, 25 MB
of an LSTM and 90 MB of a Transformer, and adds as much when the model is loaded again.
"""


class ModelRegistry:
    """The models of a folder with a manifest.

    The manifest is read at once and nothing else: listing models costs no import of
    keras. A model is loaded when first asked for, after every file of its folder was
    compared with its digest. Under a memory cap, the models that were used longest ago
    are dropped, and loaded again when they are asked for. Safe to use from many
    threads.

    Args:
        folder: path or None. A folder with a `manifest.json`. Defaults to the
            models shipped with longkeras.
        memory: int or None. Bytes that loaded models may take together. A model in use
            is never dropped and one that is asked for always loads, even where they
            exceed the cap. Defaults to None, no cap.

    Raises:
        CheckpointError: (a `ValueError`) the folder has no readable manifest.
    """

    def __init__(self, folder=None, memory=None):
        self.folder = Path(folder) if folder is not None else SAVED_MODELS
        self._entries = {entry.name: entry for entry in read_manifest(self.folder)}
        self._memory = memory
        self._cache = ModelCache(memory)
        self.key_finder = KeyFinder(self)

    def names(self, capability=None):
        """Return the models' names, in the manifest's order.

        Args:
            capability: str or None. One of `longkeras.serving.manifest.CAPABILITIES`,
                for the models that have it. Defaults to None, all models.

        Returns:
            tuple of str.
        """
        return tuple(
            name
            for name, entry in self._entries.items()
            if capability is None or entry.can(capability)
        )

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
        """Return a model, loading it on first use.

        Args:
            name: str. One of `names()`.

        Returns:
            `SharedModel`: the same object for all who hold it at the same time. The
            model stays in memory while it is held.

        Raises:
            CheckpointError: (a `ValueError`) a file is missing or is not the one of
                the manifest, or the model cannot be built from them. All that may be
                raised for a model's sake is in `LOADING_ERRORS`.
        """
        entry = self.entry(name)
        num_bytes = self.memory_of(name)
        return self._cache.get(name, num_bytes, lambda: self._load(entry))

    def memory_of(self, name):
        """Return the memory that a loaded model is counted with.

        It is the size of its weight files, which hold the weights in the same types as
        memory does, and `PROGRAM_BYTES`. States belong to the texts that are read and
        are not counted.

        Args:
            name: str. One of `names()`.

        Returns:
            int: bytes.
        """
        entry = self.entry(name)
        files = [
            self.folder / entry.path / file
            for file in entry.sha256
            if file.endswith(".h5")
        ]
        weights = sum(file.stat().st_size for file in files if file.is_file())
        return weights + PROGRAM_BYTES

    def fitting(self, names):
        """Return the models that can be loaded beforehand without dropping another.

        Args:
            names: sequence of str. Some of `names()`.

        Returns:
            tuple of str: the first ones, as many as fit under the memory cap together,
            and at least one.
        """
        if self._memory is None:
            return tuple(names)
        left = self._memory
        fitting = []
        for name in names:
            left -= self.memory_of(name)
            if left < 0:
                break
            fitting.append(name)
        return tuple(fitting or names[:1])

    def warm_up(self, name, purposes=tuple(PREPARATIONS)):
        """Load a causal language model and compile what it will be used for.

        Compiling takes longer than reading a chapter: done when the page starts, it
        does not have to be waited for later.

        Args:
            name: str. One of `names("reading")`.
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
        _check_task(model, entry)
        if entry.can("reading") or entry.can("continuation"):
            check_byte_tokens(model, entry.name)
        if entry.can("key_search"):
            model = with_long_positions(model, entry.name)
        return model


def _check_task(model, entry):
    """Refuse a model whose class is known to be of another task than its entry."""
    bases = [base.__name__ for base in type(model).__mro__]
    tasks = {
        task
        for task, ending in TASKS.items()
        if any(base.endswith(ending) for base in bases)
    }
    if tasks and entry.task not in tasks:
        raise CheckpointError(
            f"The model {entry.name!r} must have the `task` that the manifest gives "
            f"({entry.task}). Received: {type(model).__name__}"
        )


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
