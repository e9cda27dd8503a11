"""Passages of novels, each with the name of its author."""

from dataclasses import dataclass, field
from pathlib import Path

from longkeras.data.bundled_samples import sample
from longkeras.data.directory import data_directory
from longkeras.data.json_lines import SPLITS, read_json_lines

PASSAGE_FOLDER = "cls_en_novel_authors"
_SAMPLE_NAMES = ("middlemarch", "hard-cash")
_SAMPLE_WORDS = 250
# Of ten passages in a row: the first six train, then two and two.
_SAMPLE_SPLIT = dict(zip(SPLITS, (slice(0, 6), slice(6, 8), slice(8, 10)), strict=True))


@dataclass(frozen=True)
class Passage:
    """A part of a book, and its class.

    Args:
        label: str. The class: the author's name.
        book: str. The book it was cut from.
        text: str. Never empty.
    """

    label: str
    book: str
    text: str = field(repr=False)


def read_passages(folder, split):
    """Read the passages of one split, one at a time.

    A folder holds `train.jsonl.bz2`, `valid.jsonl.bz2` and `test.jsonl.bz2`: UTF-8, one
    JSON object per line, with the strings `label`, `book` and `text`.

    Args:
        folder: str or path. Such as `cls_en_novel_authors`.
        split: str. `"train"`, `"valid"` or `"test"`.

    Returns:
        An iterator of `Passage`.

    Raises:
        ValueError: If the split is unknown, or a line does not follow the format; the
            message names the file and the line.
        FileNotFoundError: If the folder has no file of this split.

    Example:

    >>> import bz2, json, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> line = json.dumps({"label": "Austen", "book": "Emma", "text": "Emma Woodhouse"})
    >>> _ = (folder / "test.jsonl.bz2").write_bytes(bz2.compress(line.encode()))
    >>> next(read_passages(folder, "test")).label
    'Austen'
    """
    return read_json_lines(folder, split, _parse_passage)


def load_passages(path=None, split="train"):
    """Load the passages of one split from the data directory.

    Without a directory they are cut, 250 words each, from two of the bundled samples.
    All splits have the same two books by two authors, so that a high accuracy says
    little about an author's style. In `cls_en_novel_authors` only `"valid"` and
    `"test"` share books.

    Args:
        path: str or path. The data directory; see `data_directory`.
        split: str. `"train"`, `"valid"` or `"test"`.

    Returns:
        A list of `Passage`.

    Raises:
        ValueError: If the split is unknown, or a file is damaged.
        FileNotFoundError: If the directory does not have them.

    Example:

    >>> sorted({passage.label for passage in load_passages(split="test")})
    ['Charles Reade (1814–1884)', 'George Eliot (1819–1880)']
    """
    directory = data_directory(path)
    if directory is not None:
        return list(read_passages(Path(directory) / PASSAGE_FOLDER, split))
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: split={split!r}")
    parts = [_sample_passages(sample(name))[split] for name in _SAMPLE_NAMES]
    # Alternately, with the same number of each.
    return [passage for pair in zip(*parts, strict=False) for passage in pair]


def label_names(passages):
    """The classes of passages, in the order of their numbers.

    Args:
        passages: iterable of `Passage`.

    Returns:
        list of str, sorted.

    Example:

    >>> label_names([Passage("Eliot", "a", "b"), Passage("Austen", "c", "d")])
    ['Austen', 'Eliot']
    """
    return sorted({passage.label for passage in passages})


def _parse_passage(record):
    values = [record.get(name) for name in ("label", "book", "text")]
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise ValueError(
            "`label`, `book` and `text` must be strings that are not empty"
        )
    return Passage(*values)


def _sample_passages(item):
    words = item.text.split(" ")
    starts = range(0, len(words) - _SAMPLE_WORDS + 1, _SAMPLE_WORDS)
    passages = [
        Passage(item.author, item.title, " ".join(words[i : i + _SAMPLE_WORDS]))
        for i in starts
    ]
    tens = [passages[i : i + 10] for i in range(0, len(passages), 10)]
    return {
        split: [passage for ten in tens for passage in ten[part]]
        for split, part in _SAMPLE_SPLIT.items()
    }
