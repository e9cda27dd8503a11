"""Cache of loaded models under a memory cap."""

import ctypes
import gc
import sys
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from longkeras.serving.shared_model import SharedModel


@dataclass(eq=False)
class _Kept:
    """A model that is loaded, or for which room is kept while it loads."""

    num_bytes: int
    model: Any = None
    prepared: set = field(default_factory=set)
    shared: Any = None  # a weak reference to the `SharedModel` that users hold

    @property
    def is_idle(self):
        return self.model is not None and self._held() is None

    def share(self, name):
        """Return the `SharedModel`, the same to all who hold it at once."""
        shared = self._held()
        if shared is None:
            shared = SharedModel(self.model, name, self.prepared)
            self.shared = weakref.ref(shared)
        return shared

    def _held(self):
        return None if self.shared is None else self.shared()


class ModelCache:
    """Loads models on first use and drops the least recently used ones.

    A model is in use while anybody holds the `SharedModel` that `get` returned. It is
    then never dropped, so the cap can be exceeded: by models in use, and by a single
    model larger than the cap. Room is made at the next `get` after they are released.
    Safe to use from many threads: each model has a lock of its own while it loads.

    Args:
        max_bytes: int or None. The memory cap. None keeps every model.
    """

    def __init__(self, max_bytes=None):
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._loading = {}
        self._kept = OrderedDict()  # the least recently used comes first

    def names(self):
        """Return the names of the cached models, the least recently used first."""
        with self._lock:
            return tuple(self._kept)

    def get(self, name, num_bytes, load):
        """Return a model, loading it unless it is cached.

        Args:
            name: str. Name of the model.
            num_bytes: int. Memory that it takes.
            load: callable without arguments that returns the model.

        Returns:
            `SharedModel`.
        """
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            with self._lock:
                kept = self._kept.setdefault(name, _Kept(num_bytes))
                self._kept.move_to_end(name)
                shared = None if kept.model is None else kept.share(name)
                has_dropped = self._make_room()
            if has_dropped:
                _return_memory()
            return shared or self._load(kept, name, load)

    def _load(self, kept, name, load):
        model = None
        try:
            model = load()
        finally:
            with self._lock:
                if model is None:
                    del self._kept[name]
                else:
                    kept.model = model
                    shared = kept.share(name)
        return shared

    def _make_room(self):
        """Drop idle models until the rest fits; return whether any was dropped."""
        if self._max_bytes is None:
            return False
        excess = sum(kept.num_bytes for kept in self._kept.values()) - self._max_bytes
        idle = [name for name, kept in self._kept.items() if kept.is_idle]
        has_dropped = False
        for name in idle:
            if excess <= 0:
                break
            excess -= self._kept.pop(name).num_bytes
            has_dropped = True
        return has_dropped


def _return_memory():
    """Return the memory of dropped models to the operating system."""
    gc.collect()  # layers and compiled functions of a model refer to each other
    if sys.platform == "linux":
        # The C library of most distributions keeps freed blocks for itself.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
