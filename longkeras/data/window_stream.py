"""An endless, reproducible stream of windows of whole texts."""

import bisect
import dataclasses
import functools
import zlib

import numpy as np

from longkeras.text.byte_vocabulary import END_TOKEN_ID, START_TOKEN_ID, byte_ids

_ROUNDS = 6
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


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

    A `longkeras.data.TokenShards` has the same attributes, with the ids on the disk.

    Args:
        name: str. The language's code; part of the shuffle's seed.
        texts: iterable of str, one per book.
    """

    def __init__(self, name, texts):
        books = [book_ids(text) for text in texts]
        self.name = name
        self.ids = np.concatenate(books)
        lengths = np.array([len(book) for book in books], dtype=np.int64)
        self.document_starts = np.cumsum(lengths) - lengths
        self.num_documents = len(books)
        self.num_tokens = len(self.ids)

    def tokens(self, start, stop):
        """A view of the ids from `start` up to `stop`."""
        return self.ids[start:stop]


class IndexPermutation:
    """A random permutation of `range(size)`, of which only a few keys are stored.

    Each entry is computed without the others, so that a shuffle of a billion windows
    takes no memory and resumes at any index. A Feistel network permutes the next power
    of four; numbers beyond `size` are permuted again until they are in range, four
    times on average at worst.

    Example:

    >>> import numpy as np
    >>> order = IndexPermutation(5, np.random.default_rng(0))
    >>> sorted(order(np.arange(5)).tolist())
    [0, 1, 2, 3, 4]

    Reference:
        [Black and Rogaway, 2002](https://doi.org/10.1007/3-540-45760-7_9)
    """

    def __init__(self, size, generator):
        if size < 1:
            raise ValueError(f"`size` must be at least 1. Received: size={size}")
        self.size = size
        half_bits = max(1, -(-int(size - 1).bit_length() // 2))
        self._half_bits = np.uint64(half_bits)
        self._mask = np.uint64(2**half_bits - 1)
        self._keys = generator.integers(0, 2**63, size=_ROUNDS, dtype=np.uint64)

    def __call__(self, places):
        values = np.array(places, dtype=np.uint64)
        values = self._permute(values)
        outside = values >= self.size
        while outside.any():
            values = np.where(outside, self._permute(values), values)
            outside = values >= self.size
        return values.astype(np.int64)

    def _permute(self, values):
        left, right = values >> self._half_bits, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (self._scramble(right ^ key) & self._mask)
        return (left << self._half_bits) | right

    @staticmethod
    def _scramble(values):
        values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER
        values = (values ^ (values >> np.uint64(27))) * _MULTIPLIER
        return values ^ (values >> np.uint64(31))


@dataclasses.dataclass(frozen=True)
class _Tiling:
    """The windows of the documents in one epoch.

    Args:
        phases: int64 array, the length of each document's first window.
        counts: int64 array, the number of windows of each document.
        ends: int64 array, the cumulative sum of `counts`.
        order: `IndexPermutation` of all windows.
    """

    phases: np.ndarray
    counts: np.ndarray
    ends: np.ndarray
    order: IndexPermutation


class WindowStream:
    """Endless shuffled windows over a shelf, one epoch after another.

    An epoch tiles every document: each id except the start token is the target of
    exactly one window. The first window of a document has a random length from 1 to
    `sequence_length` (the epoch's phase for that document), the last one the rest.
    Windows never cross documents, unless they are packed: then the documents are tiled
    as one, in the order of the shelf, and `document_ids` tells them apart.

    Everything follows from the seed, the shelf's name, the sequence length and the
    epoch. Two numbers per document are stored.

    Args:
        shelf: `BookShelf` or `longkeras.data.TokenShards`. The documents.
        sequence_length: int. Longest window.
        seed: int. Seed of phases and shuffles.
        packed: bool. Whether windows may cross documents. Defaults to `False`.

    Raises:
        ValueError: If `sequence_length` is below 1.
    """

    def __init__(self, shelf, sequence_length, seed, packed=False):
        if sequence_length < 1:
            raise ValueError(
                "`sequence_length` must be at least 1. "
                f"Received: sequence_length={sequence_length}"
            )
        self.shelf = shelf
        self.sequence_length = sequence_length
        self.seed = seed
        self.packed = packed
        starts = shelf.document_starts
        self._starts = starts[:1] if packed else starts
        # Each id but the first is predicted once.
        self._targets = np.diff(self._starts, append=shelf.num_tokens) - 1
        self._epoch_starts = [0]
        # Draws increase, so that an epoch and the previous one are enough.
        self._tiling = functools.lru_cache(maxsize=2)(self._tile)

    def locate(self, draw):
        """The epoch of a draw, given by its number, and the index in that epoch."""
        starts = self._epoch_starts
        while starts[-1] <= draw:
            starts.append(starts[-1] + self.num_windows(len(starts) - 1))
        epoch = bisect.bisect_right(starts, draw) - 1
        return epoch, draw - starts[epoch]

    def window(self, draw):
        """The ids of one draw."""
        return self.shelf.tokens(*self._bounds(draw))

    def document_ids(self, draw):
        """The document of each id of a draw, int32, counted from 1 in each window."""
        positions = np.arange(*self._bounds(draw))
        starts = self.shelf.document_starts
        documents = np.searchsorted(starts, positions, side="right")
        return (documents - documents[0] + 1).astype(np.int32)

    def num_windows(self, epoch):
        """The number of windows in an epoch."""
        return self._tiling(epoch).order.size

    def _bounds(self, draw):
        """The positions on the shelf of a draw's ids: the first, and the one after."""
        epoch, index = self.locate(draw)
        tiling = self._tiling(epoch)
        (place,) = tiling.order(np.array([index]))
        document = np.searchsorted(tiling.ends, place, side="right")
        # The window's number in its document; window 0 ends at the phase.
        window = place - tiling.ends[document] + tiling.counts[document]
        end = tiling.phases[document] + window * self.sequence_length
        begin = end - self.sequence_length if window > 0 else 0
        last = min(end, self._targets[document])
        start = self._starts[document]
        return int(start + begin), int(start + last + 1)

    def _tile(self, epoch):
        name = zlib.crc32(self.shelf.name.encode("utf-8"))
        generator = np.random.default_rng(
            [self.seed, name, self.sequence_length, epoch]
        )
        phases = generator.integers(
            1, self.sequence_length + 1, size=len(self._targets)
        )
        phases = np.minimum(phases, self._targets)
        counts = 1 - -(self._targets - phases) // self.sequence_length
        ends = np.cumsum(counts)
        order = IndexPermutation(int(ends[-1]), generator)
        return _Tiling(phases, counts, ends, order)
