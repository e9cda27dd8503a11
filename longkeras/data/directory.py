"""The data directory, and its books or the bundled samples in their place."""

import os
from pathlib import Path

from longkeras.data.books import Book, read_books
from longkeras.data.bundled_samples import samples

BOOK_FOLDERS = {"en": "lm_en_books", "zh": "lm_zh_classics"}


def data_directory(path=None):
    """The directory of the corpora.

    Args:
        path: str or path. Defaults to the environment variable `LONGKERAS_DATA`.

    Returns:
        A `pathlib.Path`, or None if neither is given: the bundled samples replace the
        corpora then.

    Raises:
        ValueError: If the directory does not exist.

    Example:

    >>> data_directory(".").name
    ''
    """
    source = "`path`"
    if path is None:
        path = os.environ.get("LONGKERAS_DATA") or None
        source = "The environment variable `LONGKERAS_DATA`"
    if path is None:
        return None
    directory = Path(path).expanduser()
    if not directory.is_dir():
        raise ValueError(f"{source} must name a directory. Received: {str(path)!r}")
    return directory


def load_books(path=None, split="train", languages=("en", "zh")):
    """Load the whole books of some languages from the data directory.

    Args:
        path: str or path. The data directory; see `data_directory`.
        split: str. `"train"`, `"valid"` or `"test"`. The bundled samples are the same
            for all splits.
        languages: iterable of str. The languages, in this order.

    Returns:
        A list of `Book`.

    Raises:
        ValueError: If a language has no corpus, or a file is damaged.

    Example:

    >>> {book.language for book in load_books(split="valid", languages=["zh"])}
    {'zh'}
    """
    return list(each_book(path, split, languages))


def each_book(path=None, split="train", languages=("en", "zh")):
    """Read the books of `load_books` one at a time."""
    unknown = [language for language in languages if language not in BOOK_FOLDERS]
    if unknown:
        raise ValueError(
            f"`languages` must be among {sorted(BOOK_FOLDERS)}. "
            f"Received: languages={list(languages)}"
        )
    directory = data_directory(path)
    for language in languages:
        if directory is not None:
            yield from read_books(directory / BOOK_FOLDERS[language], split, language)
            continue
        for item in samples():
            if item.language == language:
                yield Book(item.title, item.language, item.text, item.author)
