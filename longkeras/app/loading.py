"""Loading of the models in the background, so that the page opens at once."""

import logging
import threading

from longkeras.app.messages import Message
from longkeras.serving.registry import LOADING_ERRORS

_LOGGER = logging.getLogger(__name__)


class ModelLoader:
    """Loads and prepares the models that read, one after another, in a thread.

    A model is ready when it can read.

    Args:
        registry: `longkeras.serving.ModelRegistry`.
    """

    def __init__(self, registry):
        self._registry = registry
        names = registry.fitting(registry.names("reading"))
        self._stages = dict.fromkeys(names, "waiting")
        self._thread = None
        self._is_wanted = threading.Event()

    def start(self, after=0.0):
        """Begin loading; a second call does nothing.

        Args:
            after: float. Seconds to wait, because loading would slow down the first
                paint of a page that is opened at once. `hurry` ends the wait.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(after,), name="model-loader", daemon=True
            )
            self._thread.start()

    def hurry(self):
        """Begin at once, because a visitor has opened the page."""
        self._is_wanted.set()

    def wait(self, timeout=None):
        """Wait until every model is ready or has failed.

        Args:
            timeout: float or None. Most seconds to wait.

        Returns:
            bool: `is_finished`.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        return self.is_finished

    @property
    def is_finished(self):
        """Whether every model is ready or has failed."""
        return all(stage in ("ready", "failed") for stage in self._stages.values())

    def message(self, catalogue):
        """Return the progress of loading.

        Args:
            catalogue: `Catalogue`.

        Returns:
            `Message`.
        """
        stages = dict(self._stages)
        of = {
            kind: [name for name, stage in stages.items() if stage == kind]
            for kind in ("failed", "loading", "ready")
        }
        total = len(stages)
        if self.is_finished and not of["failed"]:
            return Message("status.ready", {"total": total}, "done")
        if self.is_finished:
            values = {"models": catalogue.models_words(of["failed"])}
            return Message("status.failed", values, "error")
        if not of["loading"]:
            return Message("status.starting", kind="busy")
        values = {
            "model": catalogue.model_words(of["loading"][0]),
            "done": len(of["ready"]),
            "total": total,
        }
        return Message("status.loading", values, "busy")

    def _run(self, after):
        self._is_wanted.wait(after)
        for name in self._stages:
            self._stages[name] = "loading"
            self._stages[name] = self._outcome(name)
        # Visitors read before they continue a text, so continuing is prepared last.
        for name, stage in self._stages.items():
            if stage == "ready":
                self._registry.warm_up(name)

    def _outcome(self, name):
        try:
            seconds = self._registry.warm_up(name, ("reading",))
        except LOADING_ERRORS as error:
            _LOGGER.error("The model %s cannot be loaded: %s", name, error)
            return "failed"
        _LOGGER.info("The model %s is ready after %.1f s.", name, seconds)
        return "ready"
