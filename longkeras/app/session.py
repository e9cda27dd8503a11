"""Sessions of visitors: results, messages, running work, waiting for a turn."""

import threading
import time
from dataclasses import replace

from longkeras.app.messages import Message, Told
from longkeras.app.strings import DEFAULT_LANGUAGE

SECONDS_KEPT = 4 * 60 * 60
"""Seconds that results are kept after the page was last open."""
MOST_SESSIONS_KEPT = 64
SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BEFORE_ESTIMATE = 2.0


class Session:
    """Everything that the page keeps for one visitor.

    Each Gradio session starts with a copy of its own, which is empty.

    Attributes:
        language: str. The language of the page. Work that runs while the language is
            switched continues in the new one.
        results: dict of str to objects. What each tab keeps, by the tab's name.
        messages: dict of str to `Message`. What each notice says, by its element id.
    """

    def __init__(self):
        self.language = DEFAULT_LANGUAGE
        self.results = {}
        self.messages = {}
        self._works = {}
        self._lock = threading.Lock()

    def __deepcopy__(self, memo):
        return Session()

    def result(self, name, make):
        """Return what a tab keeps; `make` creates it the first time."""
        with self._lock:
            if name not in self.results:
                self.results[name] = make()
            return self.results[name]

    def begin(self, name):
        """Return the `Work` that starts now, or None while the same work runs."""
        with self._lock:
            if name in self._works:
                return None
            self._works[name] = Work()
            return self._works[name]

    def end(self, name, work):
        """Forget work that has ended."""
        with self._lock:
            if self._works.get(name) is work:
                del self._works[name]

    def cancel(self, name):
        """Cancel the work that runs or waits under a name.

        Returns:
            bool: whether there was any.
        """
        with self._lock:
            work = self._works.get(name)
        if work is not None:
            work.cancelled.set()
        return work is not None

    def interrupt(self):
        """Cancel all work, because the page that it was drawn on is gone."""
        with self._lock:
            works, self._works = self._works, {}
        for work in works.values():
            work.cancelled.set()
        self.messages = {
            place: message
            for place, message in self.messages.items()
            if message is not None and message.kind != "busy"
        }


class Work:
    """One piece of work, which can be cancelled and says how long it will take.

    Attributes:
        cancelled: `threading.Event`. Set when the work is no longer wanted.
    """

    def __init__(self):
        self.cancelled = threading.Event()
        self._start = time.monotonic()

    def start(self):
        """Count the time from now on."""
        self._start = time.monotonic()

    def timed(self, message):
        """Return a message with the time left, estimated from its `fraction`.

        Args:
            message: `Message`.

        Returns:
            `Message`: the same in the first seconds, and without a fraction.
        """
        elapsed = time.monotonic() - self._start
        if not message.fraction or elapsed < _SECONDS_BEFORE_ESTIMATE:
            return message
        left = elapsed * (1 - message.fraction) / message.fraction
        return replace(message, seconds_left=left)


class Line:
    """Where work of one kind waits for its turn, first come, first served.

    Args:
        places: int. How much of it may run at the same time.
    """

    def __init__(self, places):
        self._places = places
        self._works = []
        self._lock = threading.Lock()

    def wait(self, work):
        """Join the line, and wait until it is the turn of `work` or it is cancelled.

        Args:
            work: `Work`.

        Yields:
            int: how many others wait before it, 0 for the next, twice a second.
        """
        with self._lock:
            self._works.append(work)
        while not work.cancelled.is_set():
            with self._lock:
                before = self._works.index(work) - self._places
            if before < 0:
                return
            yield before
            work.cancelled.wait(SECONDS_BETWEEN_LOOKS)

    def leave(self, work):
        """Make room for the next."""
        with self._lock:
            if work in self._works:
                self._works.remove(work)


def run(session, name, line, steps, running, notice="notice"):
    """Do a piece of work for a session once it is its turn.

    Args:
        session: `Session`.
        name: str. The kind of work, of which a session does one at a time.
        line: `Line`. Where work of this kind waits.
        steps: callable. Takes the `Work` and returns its views, one after another.
        running: callable. Takes a `Message` and returns the view of waiting work.
        notice: str. The notice that refuses a second piece of work.

    Yields:
        The views: of the waiting, then of the work.
    """
    work = session.begin(name)
    if work is None:
        yield Told(Message("work.busy", kind="error"), notice)
        return
    try:
        yield running(Message("work.starting", kind="busy"))
        for before in line.wait(work):
            key = "work.waiting" if before else "work.next"
            values = {"before": before} if before else {}
            yield running(Message(key, values, "busy"))
        work.start()
        yield from steps(work)
    finally:
        line.leave(work)
        session.end(name, work)


class SessionStore:
    """Sessions by a key that the browser keeps for its page, so that they survive a
    reload of the page.

    Args:
        capacity: int. Most sessions to keep; the one opened longest ago leaves first.
        seconds: float. How long to keep a session.
    """

    def __init__(self, capacity=MOST_SESSIONS_KEPT, seconds=SECONDS_KEPT):
        self._capacity = capacity
        self._seconds = seconds
        self._kept = {}
        self._lock = threading.Lock()

    def restore(self, key, session):
        """Return the session kept under a key, or keep the given one.

        Args:
            key: str. Nothing is kept under an empty key.
            session: `Session`. Of the page that has just been opened.

        Returns:
            `Session`. Work that still ran in an earlier page is cancelled.
        """
        if not key:
            return session
        now = time.monotonic()
        with self._lock:
            _, found = self._kept.pop(key, (now, session))
            self._kept[key] = now, found
            expired = [
                each
                for each, (opened, _) in self._kept.items()
                if now - opened > self._seconds
            ]
            too_many = list(self._kept)[: -self._capacity]
            for each in {*expired, *too_many}:
                del self._kept[each]
        if found is not session:
            found.interrupt()
        return found
