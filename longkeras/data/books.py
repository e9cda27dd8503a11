"""Readers of whole books in JSON lines, compressed by bzip2."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from longkeras.data.json_lines import read_json_lines

_LANGUAGE_IN_FOLDER = re.compile(r"^lm_([a-z]{2,3})_")
_EDITION_NOTE = re.compile(r"\s*:\s*ELTe[Cc]\s+edition\s*$")


@dataclass(frozen=True)
class Book:
    """One whole book.

    Args:
        title: str. The book's title.
        language: str. ISO 639 code, such as `"en"` or `"zh"`.
        text: str. The whole text; never empty.
        author: str. Empty when the source does not name one.
    """

    title: str
    language: str
    text: str = field(repr=False)
    author: str = ""


def read_books(folder, split, language=None):
    """Read the whole books of one split, one at a time.

    A folder holds `train.jsonl.bz2`, `valid.jsonl.bz2` and `test.jsonl.bz2`: UTF-8, one
    JSON object per line. An object has a `title` and either `text` (the whole book) or
    `chapters` (a list of `[name, text]` pairs, which are joined as `name`, newline,
    `text`). `author` and `language` are optional.

    Args:
        folder: str or path. The folder of the splits, such as `lm_en_books`.
        split: str. `"train"`, `"valid"` or `"test"`.
        language: str. Language of books without their own `language`. Defaults to the
            one in the folder's name (`lm_<language>_...`).

    Returns:
        An iterator of `Book`.

    Raises:
        ValueError: If the split is unknown, or a line does not follow the format; the
            message names the file and the line.
        FileNotFoundError: If the folder has no file of this split.

    Example:

    >>> import bz2, json, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> line = json.dumps({"title": "Emma", "text": "Emma Woodhouse, handsome"})
    >>> _ = (folder / "train.jsonl.bz2").write_bytes(bz2.compress(line.encode()))
    >>> [book.title for book in read_books(folder, "train", language="en")]
    ['Emma']
    """
    if language is None:
        found = _LANGUAGE_IN_FOLDER.match(Path(folder).name)
        language = found.group(1) if found else None
    return read_json_lines(folder, split, lambda record: _parse_book(record, language))


def _parse_book(record, language):
    title = record.get("title")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("`title` must be a string that is not empty")
    language = record.get("language", language)
    if not isinstance(language, str):
        raise ValueError("`language` is neither in the line nor known for the folder")
    text = record["text"] if "text" in record else _join_chapters(record)
    if not isinstance(text, str) or not text.strip():
        raise ValueError("the text must be a string that is not empty")
    author = record.get("author") or ""
    title = " ".join(_EDITION_NOTE.sub("", title).split())
    return Book(title, language, text, author if isinstance(author, str) else "")


def _join_chapters(record):
    chapters = record.get("chapters")
    if not isinstance(chapters, list) or not chapters:
        raise ValueError("a book must have `text` or a list of `chapters`")
    for chapter in chapters:
        if not (
            isinstance(chapter, list)
            and len(chapter) == 2
            and all(isinstance(part, str) for part in chapter)
        ):
            raise ValueError("each of the `chapters` must be a pair [name, text]")
    return "\n".join(f"{name}\n{text}" for name, text in chapters)
