"""A corpus of whole books as byte ids, cut into training windows."""

from longkeras.data.training_windows import TrainingWindows
from longkeras.data.window_stream import BookShelf, WindowStream


class ByteCorpus:
    """Whole books in several languages, read as bytes.

    Ids are those of `longkeras.text.ByteTokenizer`: 0 pads, 1 starts a book, 2
    ends it, byte b is b + 3. A byte takes two bytes of memory here.

    Args:
        books: iterable of `Book`. At least one.
        seed: int. Decides every window of every step. Defaults to `0`.
        language_weights: dict of language code to float. How many windows are
            drawn of each language, relative to each other; 0 leaves one out.
            Defaults to the same number for every language.

    Raises:
        ValueError: Without books, for a negative seed, and for weights that do
            not fit the books' languages.

    Example:

    >>> from longkeras.data import Book, ByteCorpus
    >>> corpus = ByteCorpus([Book("Emma", "en", "Emma Woodhouse"),
    ...                      Book("三国", "zh", "滚滚长江东逝水")])
    >>> inputs, targets, weights = corpus.training_windows(8, batch_size=2)[0]
    >>> inputs["token_ids"].shape, targets.shape, weights.shape
    ((2, 8), (2, 8), (2, 8))
    """

    def __init__(self, books, seed=0, language_weights=None):
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"`seed` must be an int of at least 0. Received: {seed!r}")
        texts: dict[str, list[str]] = {}
        for book in books:
            texts.setdefault(book.language, []).append(book.text)
        if not texts:
            raise ValueError("`books` must hold at least one book. Received: none")
        self.seed = seed
        self.language_weights = _check_weights(language_weights, texts)
        self.shelves = {
            language: BookShelf(language, texts[language]) for language in sorted(texts)
        }

    @property
    def num_bytes(self):
        """Bytes of all books, start and end tokens not counted."""
        return sum(shelf.num_bytes for shelf in self.shelves.values())

    def counts(self, sequence_length=None):
        """Count what the corpus holds, for a log.

        Args:
            sequence_length: int. When given, the windows of the first epoch
                at this length are counted too.

        Returns:
            dict of language code to a dict with `books`, `bytes`, `weight` and,
            with a `sequence_length`, `windows`.
        """
        counts = {}
        for language, shelf in self.shelves.items():
            counts[language] = {
                "books": shelf.num_books,
                "bytes": shelf.num_bytes,
                "weight": self.language_weights[language],
            }
            if sequence_length is not None:
                stream = WindowStream(shelf, sequence_length, self.seed)
                counts[language]["windows"] = stream.num_windows(0)
        return counts

    def training_windows(
        self, sequence_length, batch_size, start_step=0, num_steps=None
    ):
        """Cut the books into shuffled windows for `fit`.

        Args:
            sequence_length: int. Ids a window; the text's next id is the target.
            batch_size: int. Windows a batch.
            start_step: int. The step at which a resumed run goes on.
                Defaults to `0`.
            num_steps: int. Number of batches. Defaults to None: endless.

        Returns:
            `TrainingWindows`, a `keras.utils.PyDataset` whose item `i` depends on
            the corpus, the seed, the two sizes and `start_step + i` only.

        Raises:
            ValueError: For a size below 1 or a negative step.

        Example:

        >>> from longkeras.data import Book, ByteCorpus
        >>> corpus = ByteCorpus([Book("Emma", "en", "Emma Woodhouse, handsome")])
        >>> windows = corpus.training_windows(8, batch_size=2, start_step=200)
        >>> windows[0][0]["token_ids"].shape
        (2, 8)

        A run that stopped after two of ten Keras epochs of 100 steps goes on with
        `model.fit(windows, steps_per_epoch=100, initial_epoch=2, epochs=10,
        shuffle=False)`.
        """
        sizes = {"sequence_length": sequence_length, "batch_size": batch_size}
        if num_steps is not None:
            sizes["num_steps"] = num_steps
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {size}")
        if start_step < 0:
            raise ValueError(
                f"`start_step` must be at least 0. Received: start_step={start_step}"
            )
        streams = [
            WindowStream(shelf, sequence_length, self.seed)
            for language, shelf in self.shelves.items()
        ]
        proportions = [self.language_weights[language] for language in self.shelves]
        return TrainingWindows(streams, proportions, batch_size, start_step, num_steps)


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
