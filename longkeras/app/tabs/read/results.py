"""Results of the *Read* tab that a session keeps."""

import threading
from dataclasses import replace

from longkeras.app.tabs.read.handlers import at_place, inspect
from longkeras.app.tabs.read.views import Comparison, Continuations, Inspected


class Results:
    """The results on a session's page, which stay until others replace them.

    A reading and a look at a place run in threads of their own. Both change the
    comparison here, under one lock, so neither overwrites what the other has added.

    Args:
        catalogue: `Catalogue`.

    Attributes:
        comparison: `Comparison` or None.
        continuations: `Continuations` or None.
    """

    def __init__(self, catalogue):
        self.comparison = None
        self.continuations = None
        self._catalogue = catalogue
        self._lock = threading.Lock()

    def take(self, view):
        """Keep what a reading or the continuations have given so far.

        Args:
            view: `Comparison` or `Continuations`; another view is returned as it is.

        Returns:
            The view to draw. A place that was opened in the same text stays open and
            includes the models that have finished since. A view without readings
            carries the comparison that remains on the page in `earlier` whenever
            what is said about it changes.
        """
        if isinstance(view, Continuations):
            self.continuations = view
        if not isinstance(view, Comparison):
            return view
        with self._lock:
            if not view.readings:
                return self._over_earlier(view)
            if not view.is_step:
                self.comparison = view = self._with_place(view)
            return view

    def look_at(self, index):
        """Open a place of the comparison.

        Args:
            index: int. Index of the character.

        Returns:
            `Inspected`, or a `Told` when there is no such place.
        """
        with self._lock:
            view = inspect(self._catalogue, self.comparison, index)
            if isinstance(view, Inspected):
                self.comparison = view.comparison
            return view

    def interrupt(self):
        """Leave only what has finished, because nothing runs any more."""
        with self._lock:
            if self.comparison is not None:
                finished = tuple(self.comparison.readings)
                self.comparison = replace(
                    self.comparison,
                    names=finished,
                    is_running=False,
                    is_earlier=False,
                )
            if self.continuations is not None:
                self.continuations = replace(self.continuations, is_running=False)

    def _over_earlier(self, view):
        is_known = view.is_step and self.comparison and self.comparison.is_earlier
        if self.comparison is None or is_known:
            return view
        self.comparison = replace(self.comparison, is_earlier=view.is_running)
        return replace(view, earlier=self.comparison)

    def _with_place(self, view):
        before = self.comparison
        if before is None or before.place is None or before.text != view.text:
            return view
        known = {
            name: inspection
            for name, inspection in before.inspections.items()
            if before.readings[name] is view.readings.get(name)
        }
        return at_place(self._catalogue, view, before.place, known)[0]
