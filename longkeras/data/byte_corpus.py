"""A corpus of whole books as byte ids, cut into training windows."""

import pathlib

from longkeras.data.token_shards import MANIFEST, TokenShards, write_token_shards
from longkeras.data.training_windows import TrainingWindows
from longkeras.data.window_stream import BookShelf, WindowStream, book_ids
from longkeras.text.byte_vocabulary import VOCABULARY_SIZE


class ByteCorpus:
    """Whole books in several languages, read as bytes.

    Ids are those of `longkeras.text.ByteTokenizer`: 0 pads, 1 starts a book, 2 ends it,
    byte b is b + 3. Each byte of text takes two bytes of memory.

    Args:
        books: iterable of `Book`. At least one.
        seed: int. Determines all windows of all steps. Defaults to `0`.
        language_weights: dict of language code to float. Relative numbers of windows
            from each language; 0 excludes it. Defaults to equal weights.

    Raises:
        ValueError: If there are no books, the seed is negative, or the weights do not
            match the books' languages.

    Example:

    >>> from longkeras.data import Book, ByteCorpus
    >>> corpus = ByteCorpus([Book("Emma", "en", "Emma Woodhouse"),
    ...                      Book("三国", "zh", "滚滚长江东逝水")])
    >>> inputs, targets, weights = corpus.training_windows(8, batch_size=2)[0]
    >>> inputs["token_ids"].shape, targets.shape, weights.shape
    ((2, 8), (2, 8), (2, 8))
    """

    def __init__(self, books, seed=0, language_weights=None):
        texts: dict[str, list[str]] = {}
        for book in books:
            texts.setdefault(book.language, []).append(book.text)
        if not texts:
            raise ValueError("`books` must hold at least one book. Received: none")
        shelves = {
            language: BookShelf(language, texts[language]) for language in sorted(texts)
        }
        self._fill(shelves, seed, language_weights)

    def _fill(self, shelves, seed, language_weights):
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"`seed` must be an int of at least 0. Received: {seed!r}")
        self.seed = seed
        self.language_weights = _check_weights(language_weights, shelves)
        self.shelves = shelves

    @classmethod
    def on_disk(cls, folder, readers, seed=0, language_weights=None):
        """The same corpus with its ids on the disk: larger than memory, and as fast.

        The ids of each language are written once, one book at a time, into a folder of
        `TokenShards`, which later runs use. Windows are the same as those of a corpus
        in memory.

        Args:
            folder: str or path. Holds a folder per language, created if missing.
            readers: dict of language code to a function that returns an iterable of
                `Book`, such as `read_books`. Called for a missing folder.
            seed: int. See `ByteCorpus`. Defaults to `0`.
            language_weights: dict of language code to float. See `ByteCorpus`.
                Defaults to equal weights.

        Returns:
            `ByteCorpus`.

        Raises:
            ValueError: If there are no readers, a book has no text, or the weights do
                not match the languages.

        Example:

        >>> import tempfile
        >>> from longkeras.data import Book, ByteCorpus
        >>> books = {"en": lambda: [Book("Emma", "en", "Emma Woodhouse, handsome")]}
        >>> ByteCorpus.on_disk(tempfile.mkdtemp(), books).num_bytes
        24
        """
        if not readers:
            raise ValueError("`readers` must name a language. Received: none")
        shelves = {}
        for language in sorted(readers):
            place = pathlib.Path(folder) / language
            if not (place / MANIFEST).exists():
                documents = (book_ids(book.text) for book in readers[language]())
                write_token_shards(documents, place, VOCABULARY_SIZE, language)
            shelves[language] = TokenShards(place)
        corpus = cls.__new__(cls)
        corpus._fill(shelves, seed, language_weights)
        return corpus

    @property
    def num_bytes(self):
        """int, bytes of all books, without start and end tokens."""
        return sum(map(_num_bytes, self.shelves.values()))

    def counts(self, sequence_length=None):
        """Counts of the corpus, for a log.

        Args:
            sequence_length: int. If given, the windows of the first epoch at this
                length are counted too.

        Returns:
            dict of language code to a dict with `books`, `bytes`, `weight` and,
            with a `sequence_length`, `windows`.
        """
        counts = {}
        for language, shelf in self.shelves.items():
            counts[language] = {
                "books": shelf.num_documents,
                "bytes": _num_bytes(shelf),
                "weight": self.language_weights[language],
            }
            if sequence_length is not None:
                stream = WindowStream(shelf, sequence_length, self.seed)
                counts[language]["windows"] = stream.num_windows(0)
        return counts

    def training_windows(
        self, sequence_length, batch_size, start_step=0, num_steps=None, packed=False
    ):
        """Cut the books into shuffled windows for `fit`.

        Args:
            sequence_length: int. Ids per window; the targets are the next ids.
            batch_size: int. Windows per batch.
            start_step: int. The step at which a resumed run continues. Defaults to `0`.
            num_steps: int. Number of batches. Defaults to `None`: endless.
            packed: bool. Whether a window may hold parts of several books, told apart
                by `document_ids` in the inputs. Otherwise a window ends with its book
                and is padded. Defaults to `False`.

        Returns:
            `TrainingWindows`, a `keras.utils.PyDataset` whose item `i` depends on
            the corpus, the seed, the two sizes and `start_step + i` only.

        Raises:
            ValueError: If a size is below 1 or a step is negative.

        Example:

        >>> from longkeras.data import Book, ByteCorpus
        >>> corpus = ByteCorpus([Book("Emma", "en", "Emma Woodhouse, handsome")])
        >>> windows = corpus.training_windows(8, batch_size=2, start_step=200)
        >>> windows[0][0]["token_ids"].shape
        (2, 8)

        A run that stopped after two of ten Keras epochs of 100 steps continues with
        `model.fit(windows, steps_per_epoch=100, initial_epoch=2, epochs=10,
        shuffle=False)`.
        """
        streams = [
            WindowStream(shelf, sequence_length, self.seed, packed)
            for shelf in self.shelves.values()
        ]
        proportions = [self.language_weights[language] for language in self.shelves]
        return TrainingWindows(streams, proportions, batch_size, start_step, num_steps)


def _num_bytes(shelf):
    return shelf.num_tokens - 2 * shelf.num_documents


def _check_weights(language_weights, texts):
    if language_weights is None:
        return dict.fromkeys(sorted(texts), 1.0)
    weights = {name: float(value) for name, value in language_weights.items()}
    if set(weights) != set(texts):
        raise ValueError(
            f"`language_weights` must name the books' languages {sorted(texts)}. "
            f"Received: language_weights={language_weights}"
        )
    if min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(
            "`language_weights` must be at least 0 and not all 0. "
            f"Received: language_weights={language_weights}"
        )
    return weights
