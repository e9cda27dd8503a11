"""Messages to visitors, independent of a language until they are shown."""

from dataclasses import dataclass, field

from longkeras.app.strings import all_strings, say


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
    """A message that is not yet in a language.

    Args:
        key: str. A key of `strings.json`.
        values: dict. The values that the string names. A value may be a `Message` or
            `Words`.
        kind: str. `"info"`, `"done"`, `"error"` or `"busy"`.
        fraction: float or None. The part of the work that is done, for a bar.
        seconds_left: float or None. How long the work will still take.
    """

    key: str
    values: dict = field(default_factory=dict)
    kind: str = "info"
    fraction: float | None = None
    seconds_left: float | None = None

    def text(self, language):
        """Return the message in a language."""
        values = {
            name: value.text(language) if hasattr(value, "text") else value
            for name, value in self.values.items()
        }
        return say(language, self.key, **values)


def message_of(error):
    """Return the message about refused input.

    Args:
        error: `longkeras.serving.InputError`.

    Returns:
        `Message` of kind `"error"`.
    """
    values = dict(error.values)
    if "position" in values:
        values["position"] += 1
    what = values.get("what")
    if f"setting.{what}" in all_strings():
        values["what"] = Message(f"setting.{what}")
    return Message(f"error.{error.code}", values, "error")


@dataclass(frozen=True)
class Told:
    """A message only; the results stay.

    Args:
        message: `Message`.
        where: str. The notice that shows it.
    """

    message: Message
    where: str = "notice"
