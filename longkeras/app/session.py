"""State of a visitor's session."""

import threading

from longkeras.app.strings import DEFAULT_LANGUAGE


class Voice:
    """The language a session is told things in, while its work goes on.

    Work that began in one language goes on in the other after a switch. Every session
    gets a voice of its own: a copy begins anew.
    """

    def __init__(self):
        self.language = DEFAULT_LANGUAGE

    def __deepcopy__(self, memo):
        return Voice()


class StopFlag:
    """One person's way to stop the work that runs for them.

    Work takes an event with `begin`; `stop` sets the event of the work that runs or
    waits. Every session gets a flag of its own: a copy starts idle.

    Example:
    >>> flag = StopFlag()
    >>> flag.stop()
    False
    >>> event = flag.begin()
    >>> flag.stop(), event.is_set()
    (True, True)
    """

    def __init__(self):
        self._event = None
        self._is_claimed = False
        self._lock = threading.Lock()

    def __deepcopy__(self, memo):
        return StopFlag()

    def arm(self):
        """Prepare an event for work that will `begin` soon, so that it can be stopped
        while it still waits for its turn.

        Returns:
            bool: False when work runs already.
        """
        with self._lock:
            if self._event is not None and self._is_claimed:
                return False
            self._event = threading.Event()
            self._is_claimed = False
            return True

    def begin(self):
        """Return the event for work that starts now, or None when other work runs."""
        with self._lock:
            if self._event is not None and self._is_claimed:
                return None
            if self._event is None:
                self._event = threading.Event()
            self._is_claimed = True
            return self._event

    def end(self, event):
        """Forget the event of work that has ended."""
        with self._lock:
            if self._event is event:
                self._event = None

    def stop(self):
        """Stop the work that runs or waits.

        Returns:
            bool: whether there was any.
        """
        with self._lock:
            if self._event is None:
                return False
            self._event.set()
            return True
