"""The strings of the page and its tabs, in every language of the page."""

import json
import string
from functools import lru_cache
from importlib import resources
from math import ceil

from longkeras.app import tabs

LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT_LANGUAGE = "en"


def all_strings():
    """Return every string by its key, then by language.

    The keys of a tab's strings begin with the name of the tab.

    Returns:
        dict of str to dict of str to str.
    """
    return _all_strings(tabs.TABS)


@lru_cache(maxsize=1)
def _all_strings(paths):
    strings = _strings_beside("longkeras.app")
    for path in paths:
        package = path.partition(":")[0].rpartition(".")[0]
        name = package.rpartition(".")[2]
        for key, texts in _strings_beside(package).items():
            strings[f"{name}.{key}"] = texts
    return strings


def _strings_beside(package):
    file = resources.files(package).joinpath("strings.json")
    return json.loads(file.read_text(encoding="utf-8"))


def say(language, key, **values):
    """Return a string of the page in a language, with values filled in.

    Args:
        language: str. `"en"` or `"zh"`; anything else is read as English, so
            that the page always has a text.
        key: str. A key of `strings.json`.
        **values: The values that the string names; integers get thousands
            separators. A count is followed by its noun where a string has
            `{count:byte|bytes}`.

    Returns:
        str.

    Example:
    >>> say("en", "error.file_too_long", received=5_000_000, limit=4_000_000)[:35]
    'The file is too long: 5,000,000 byt'
    >>> [say("en", "read.input.amount_bytes", bytes=count) for count in (1, 20_000)]
    ['1 byte', '20,000 bytes']
    """
    return _COUNTING.format(template(language, key), **values)


def template(language, key):
    """Return a string of the page in a language, with its placeholders.

    Args:
        language: str. As of `say`.
        key: str. A key of `strings.json`.

    Returns:
        str.
    """
    strings = all_strings()[key]
    return strings.get(language, strings[DEFAULT_LANGUAGE])


def spell_bytes(number):
    """Return a number of bytes in a unit that is easy to read.

    Args:
        number: int.

    Returns:
        str.

    Example:
    >>> [spell_bytes(number) for number in (900, 40_960, 3_500_000)]
    ['900 B', '41 kB', '3.5 MB']
    """
    if number < 1_000:
        return f"{number} B"
    if number < 1_000_000:
        return f"{number / 1_000:.0f} kB"
    return f"{number / 1_000_000:.1f} MB"


def spell_share(probability):
    """Return a probability as a percentage with the digits that matter.

    Args:
        probability: float between 0 and 1.

    Returns:
        str.

    Example:
    >>> [spell_share(share) for share in (0.42, 0.031, 0.0004, 1e-7)]
    ['42 %', '3.1 %', '0.04 %', '< 0.01 %']
    """
    percent = 100 * probability
    if percent < 0.01:
        return "< 0.01 %"
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"


def spell_seconds_left(seconds, language):
    """Return an estimate of the time left.

    Args:
        seconds: float.
        language: str. `"en"` or `"zh"`.

    Returns:
        str. Whole minutes from a minute and a half on; below, steps of five seconds,
        or one second at the end.

    Example:
    >>> [spell_seconds_left(seconds, "en")[6:-5] for seconds in (0.2, 3.4, 33, 200)]
    ['1 second', '4 seconds', '35 seconds', '3 minutes']
    """
    if seconds >= 90:
        return say(language, "work.minutes_left", minutes=round(seconds / 60))
    step = 1 if seconds <= 10 else 5
    rounded = max(1, ceil(seconds / step) * step)
    return say(language, "work.seconds_left", seconds=rounded)


class _CountingFormatter(string.Formatter):
    """`str.format` in which `{count:byte|bytes}` is a count with its noun."""

    def format_field(self, value, format_spec):
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        text = f"{value:,}" if is_integer else str(value)
        if not format_spec:
            return text
        singular, plural = format_spec.split("|")
        return f"{text} {singular if value == 1 else plural}"


_COUNTING = _CountingFormatter()
