"""Public-domain texts in the package."""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from longkeras.text.document_encoding import decode_document


@dataclass(frozen=True)
class Sample:
    """One bundled text and its source.

    None of the saved models was trained on any of them.

    Args:
        name: str. Short and stable; the argument of `sample`.
        title: str. English title.
        title_zh: str. Chinese title.
        language: str. `"en"`, `"zh"` or `"mixed"`.
        author: str. Author.
        source: str. Repository, commit and file of its origin.
        licence: str. The text's licence.
        characters: int. Length of the text.
        file: str. File name in `longkeras/data/samples`.
    """

    name: str
    title: str
    title_zh: str
    language: str
    author: str
    source: str
    licence: str
    characters: int
    file: str

    @property
    def text(self):
        """The whole text."""
        return decode_document(_folder().joinpath(self.file).read_bytes()).text


def samples():
    """List the bundled texts.

    Returns:
        tuple of `Sample`, in the order in which they are shown.

    Example:

    >>> from longkeras.data import samples
    >>> {item.language for item in samples()} >= {"en", "zh"}
    True
    """
    return _load()


def sample(name):
    """Get one bundled text by its name.

    Args:
        name: str. One of the names in `samples()`.

    Returns:
        A `Sample`.

    Raises:
        ValueError: If there is no text of this name.

    Example:

    >>> from longkeras.data import sample
    >>> sample("middlemarch").language
    'en'
    """
    for item in _load():
        if item.name == name:
            return item
    names = [item.name for item in _load()]
    raise ValueError(f"`name` must be one of {names}. Received: name={name!r}")


def _folder():
    return resources.files("longkeras.data").joinpath("samples")


@lru_cache(maxsize=1)
def _load():
    listing = json.loads(_folder().joinpath("samples.json").read_text(encoding="utf-8"))
    return tuple(Sample(**entry) for entry in listing["samples"])
