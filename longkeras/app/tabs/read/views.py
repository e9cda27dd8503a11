"""Results of the *Read* tab's handlers, independent of a language."""

from dataclasses import dataclass, field

from longkeras.app.messages import Message


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
class Edited:
    """The text was changed by hand, so it is no longer a sample or a file.

    Args:
        clears_notice: bool. Whether the notice was about the text before.
    """

    clears_notice: bool


@dataclass(frozen=True)
class Saved:
    """A table in a file, or why there is none.

    Args:
        path: str or None.
        message: `Message` or None.
        where: str. The notice that shows the message.
    """

    path: str | None
    message: Message | None = None
    where: str = "notice"


@dataclass(frozen=True)
class Comparison:
    """One text read by several models, running or finished.

    Args:
        message: `Message`.
        is_running: bool.
        names: tuple of str. The chosen models.
        readings: dict of str to `Reading`. The models that have finished.
        place: int or None. Index of the character that is inspected.
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
    """The same comparison with another place open.

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
    """Continuations of one prompt by several models, running or finished.

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
