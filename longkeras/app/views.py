"""What handlers return: values without words, the same in every language."""

import threading
from dataclasses import dataclass, field

from longkeras.app.strings import DEFAULT_LANGUAGE, all_strings, say


@dataclass(frozen=True)
class Words:
    """A name that is not in `strings.json`: a model's or a sample's.

    Args:
        en: str.
        zh: str.
    """

    en: str
    zh: str

    def text(self, language):
        """Return the name in a language."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Message:
    """Something to tell, not yet in a language.

    Args:
        key: str. A key of `strings.json`.
        values: dict. What the string names. A value may be a `Message` or `Words`.
        kind: str. `"info"`, `"done"`, `"error"` or `"busy"`.
        fraction: float or None. How far the work is, for a bar.
    """

    key: str
    values: dict = field(default_factory=dict)
    kind: str = "info"
    fraction: float | None = None

    def text(self, language):
        """Return the message in a language."""
        values = {
            name: value.text(language) if hasattr(value, "text") else value
            for name, value in self.values.items()
        }
        return say(language, self.key, **values)


def message_of(error):
    """Return what to tell about input that was refused.

    Args:
        error: `longkeras.serving.InputError`.

    Returns:
        `Message` of kind `"error"`.
    """
    values = dict(error.values)
    if "position" in values:
        values["position"] += 1
    what = values.get("what")
    if f"continue.{what}" in all_strings():
        values["what"] = Message(f"continue.{what}")
    return Message(f"error.{error.code}", values, "error")


@dataclass(frozen=True)
class Told:
    """Nothing but a message; what is shown stays.

    Args:
        message: `Message`.
        where: str. The component that says it.
    """

    message: Message
    where: str = "notice"


@dataclass(frozen=True)
class Loaded:
    """A text for the text box, or why there is none.

    Args:
        text: str or None. None leaves the box as it is.
        message: `Message`.
    """

    text: str | None
    message: Message


@dataclass(frozen=True)
class Comparison:
    """One text read by several models, as far as it is.

    Args:
        message: `Message`.
        is_running: bool.
        names: tuple of str. The chosen models.
        readings: dict of str to `Reading`. The models that have finished.
        place: int or None. Index of the character looked at.
        inspections: dict of str to `Inspection`. That place, by model.
        prompt: str or None. What to offer for continuing; None leaves it.
        is_step: bool. Whether only the message differs from the view before.
        ticked: tuple of str or None. The models to leave ticked, where some could not
            be loaded; None leaves all as they are.
        is_earlier: bool. Whether a newer text is being read.
        earlier: `Comparison` or None. The earlier one that stays on the page while
            this one has no readings.
    """

    message: Message
    is_running: bool = False
    names: tuple = ()
    readings: dict = field(default_factory=dict)
    place: int | None = None
    inspections: dict = field(default_factory=dict)
    prompt: str | None = None
    is_step: bool = False
    ticked: tuple | None = None
    is_earlier: bool = False
    earlier: "Comparison | None" = None

    @property
    def text(self):
        """The text that was read, or None before the first reading."""
        readings = iter(self.readings.values())
        return next((reading.text for reading in readings), None)


@dataclass(frozen=True)
class Inspected:
    """The same comparison, looked at in another place.

    Args:
        comparison: `Comparison`.
    """

    comparison: Comparison


@dataclass(frozen=True)
class Prompted:
    """A prompt taken from a place in the text, or why there is none.

    Args:
        prompt: str or None. None leaves the prompt as it is.
        message: `Message`.
    """

    prompt: str | None
    message: Message


@dataclass(frozen=True)
class Continuations:
    """What several models write on from one prompt, as far as it is.

    Args:
        message: `Message`.
        is_running: bool.
        prompt: str.
        texts: dict of str to `Continuation`.
        ticked: tuple of str or None. As of `Comparison`.
    """

    message: Message
    is_running: bool = False
    prompt: str = ""
    texts: dict = field(default_factory=dict)
    ticked: tuple | None = None


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
