"""Whole books of one language as an endless, exactly repeatable row of windows."""

import bisect
import zlib

import numpy as np

from longkeras.text.byte_vocabulary import END_TOKEN_ID, START_TOKEN_ID, byte_ids


def book_ids(text):
    """Turn a text into byte ids between a start and an end token.

    Args:
        text: str. Any text.

    Returns:
        uint16 array of shape (bytes + 2,): 1, each byte + 3, 2.

    Example:

    >>> book_ids("ab")
    array([  1, 100, 101,   2], dtype=uint16)
    """
    content = byte_ids(text)
    ids = np.empty(len(content) + 2, dtype=np.uint16)
    ids[0] = START_TOKEN_ID
    ids[1:-1] = content
    ids[-1] = END_TOKEN_ID
    return ids


class BookShelf:
    """The ids of all books of one language in one array.

    Args:
        language: str. The language's code; part of the shuffle's seed.
        texts: iterable of str. One text a book.
    """

    def __init__(self, language, texts):
        books = [book_ids(text) for text in texts]
        self.language = language
        self.ids = np.concatenate(books)
        lengths = np.array([len(book) for book in books], dtype=np.int64)
        self.book_starts = np.cumsum(lengths) - lengths
        self.book_targets = lengths - 1  # each id but the first is predicted once
        self.num_books = len(books)
        self.num_bytes = int(len(self.ids) - 2 * len(books))


class WindowStream:
    """Endless shuffled windows over a shelf, one epoch after another.

    An epoch tiles every book: each id but the start token is the target of
    exactly one window. The first window of a book has a random length from 1 to
    `sequence_length` (the epoch's phase for that book), the last one what is
    left. Windows never cross books. Everything follows from the seed, the
    language, the sequence length and the epoch's number.

    Args:
        shelf: `BookShelf`. The books.
        sequence_length: int. Longest window.
        seed: int. Seed of phases and shuffles.
    """

    def __init__(self, shelf, sequence_length, seed):
        self.shelf = shelf
        self.sequence_length = sequence_length
        self.seed = seed
        self._epoch_starts = [0]
        self._cached = {}

    def epoch_windows(self, epoch):
        """All windows of one epoch in the order they are drawn.

        Args:
            epoch: int. From 0.

        Returns:
            (starts, lengths): int64 arrays of shape (windows,), positions in
            the shelf's ids and numbers of targets.
        """
        windows = self._cached.get(epoch)
        if windows is None:
            windows = self._tile(epoch)
            # Reading goes forward: this epoch and the one before are enough.
            self._cached = {
                key: value for key, value in self._cached.items() if key == epoch - 1
            }
            self._cached[epoch] = windows
        return windows

    def locate(self, draw):
        """Find the epoch and the place in it of a draw.

        Args:
            draw: int. Number of windows drawn before this one.

        Returns:
            (epoch, index), ints.
        """
        starts = self._epoch_starts
        while starts[-1] <= draw:
            starts.append(starts[-1] + self._count(len(starts) - 1))
        epoch = bisect.bisect_right(starts, draw) - 1
        return epoch, draw - starts[epoch]

    def window(self, draw):
        """The ids of one draw.

        Args:
            draw: int. Number of windows drawn before this one.

        Returns:
            A view of the shelf's ids of shape (targets + 1,).
        """
        epoch, index = self.locate(draw)
        starts, lengths = self.epoch_windows(epoch)
        start = starts[index]
        return self.shelf.ids[start : start + lengths[index] + 1]

    def num_windows(self, epoch):
        """How many windows one epoch has.

        Args:
            epoch: int. From 0.

        Returns:
            int.
        """
        return self._count(epoch)

    def _generator(self, epoch):
        language = zlib.crc32(self.shelf.language.encode("utf-8"))
        return np.random.default_rng([self.seed, language, self.sequence_length, epoch])

    def _first_lengths(self, generator):
        phases = generator.integers(
            1, self.sequence_length + 1, size=self.shelf.num_books
        )
        return np.minimum(phases, self.shelf.book_targets)

    def _count(self, epoch):
        first = self._first_lengths(self._generator(epoch))
        rest = -(-(self.shelf.book_targets - first) // self.sequence_length)
        return int(np.sum(1 + rest))

    def _tile(self, epoch):
        generator = self._generator(epoch)
        first = self._first_lengths(generator)
        starts, lengths = [], []
        for begin, targets, phase in zip(
            self.shelf.book_starts, self.shelf.book_targets, first, strict=True
        ):
            edges = np.arange(phase, targets, self.sequence_length, dtype=np.int64)
            edges = np.concatenate([[0], edges, [targets]])
            starts.append(begin + edges[:-1])
            lengths.append(np.diff(edges))
        order = generator.permutation(sum(map(len, starts)))
        return np.concatenate(starts)[order], np.concatenate(lengths)[order]
