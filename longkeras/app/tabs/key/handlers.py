"""Handlers of the *Find a key* tab."""

import logging
from dataclasses import dataclass

from longkeras.app.messages import Message, message_of
from longkeras.serving.key_finder import FoundKey
from longkeras.serving.limits import InputError
from longkeras.serving.registry import LOADING_ERRORS

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeySearch:
    """A search for a key, running or finished.

    Args:
        message: `Message`.
        found: `FoundKey` or None.
        is_running: bool.
    """

    message: Message
    found: FoundKey | None = None
    is_running: bool = False


def look_for_key(catalogue, name, length, depth, draw):
    """Hide a key in a sample and look for it.

    Args:
        catalogue: `Catalogue`.
        name: str. The sample's name.
        length: int. Bytes of the text.
        depth: float. Where the key stands, in percent of the text.
        draw: int. Which passage, key and decoys.

    Yields:
        `KeySearch`: one that runs, and one that has ended.
    """
    yield KeySearch(Message("key.busy", kind="busy"), is_running=True)
    yield _search(catalogue, name, length, depth, draw)


def _search(catalogue, name, length, depth, draw):
    finder = catalogue.registry.key_finder
    if name not in catalogue.samples:
        values = {"received": str(name)}
        return KeySearch(Message("error.unknown_sample", values, "error"))
    if not finder.is_there:
        return KeySearch(Message("key.missing", kind="error"))
    share = depth / 100 if isinstance(depth, (int, float)) else depth
    try:
        found = finder.find(catalogue.samples[name].text, length, share, draw)
    except InputError as error:
        return KeySearch(message_of(error))
    except LOADING_ERRORS as error:
        _LOGGER.error("The encoder cannot be loaded: %s", error)
        return KeySearch(Message("key.broken", kind="error"))
    values = {"read": found.digits, "hidden": found.example.answer}
    if found.is_right:
        return KeySearch(Message("key.right", values, "done"), found)
    return KeySearch(Message("key.wrong", values), found)
