"""Held-out texts on which language models are measured."""

import bz2
import dataclasses

from longkeras.data import data_directory, load_books, samples

TEXT_SETS = ("books-en", "books-zh", "wikitext2")
_WIKITEXT = "lm_en_wikitext2_eval"


@dataclasses.dataclass(frozen=True)
class TextSet:
    """Texts of one language and where they come from.

    Args:
        name: str. One of `TEXT_SETS`.
        language: str.
        description: str. For the record: which texts, of which split.
        texts: tuple of bytes, UTF-8.
    """

    name: str
    language: str
    description: str
    texts: tuple[bytes, ...]


def load_text_set(name, data=None):
    """Load one set of texts.

    Args:
        name: str. One of `TEXT_SETS`.
        data: path. The folder of the corpora; see `longkeras.data.data_directory`.
            Without one the bundled samples stand in.

    Returns:
        `TextSet`.

    Raises:
        ValueError: For an unknown name, or WikiText-2 without its folder.
    """
    if name not in TEXT_SETS:
        raise ValueError(f"`name` must be one of {TEXT_SETS}. Received: name={name!r}")
    folder = data_directory(data)
    if name == "wikitext2":
        return _wikitext(folder)
    language = name.removeprefix("books-")
    if folder is None:
        found = [item for item in samples() if item.language == language]
        description = f"the bundled samples: {', '.join(i.title for i in found)}"
    else:
        found = load_books(folder, "test", [language])
        description = f"test books: {', '.join(book.title for book in found)}"
    texts = tuple(item.text.encode() for item in found)
    return TextSet(name, language, description, texts)


def _wikitext(folder):
    path = None if folder is None else folder / _WIKITEXT / "test.txt.bz2"
    if path is None or not path.is_file():
        raise ValueError(
            f"`wikitext2` needs a data folder with {_WIKITEXT}/test.txt.bz2. "
            f"Received: data={folder}"
        )
    with bz2.open(path, "rb") as file:
        text = file.read()
    description = "WikiText-2, test, as distributed: tokenised, rare words are <unk>"
    return TextSet("wikitext2", "en", description, (text,))
