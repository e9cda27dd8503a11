"""A long row of ids as overlapping windows with offsets, nothing dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longkeras.text.byte_vocabulary import PAD_TOKEN_ID, byte_ids


@dataclass(frozen=True, eq=False, repr=False)
class ByteWindows(Sequence):
    """Overlapping windows over one row of ids.

    Window `i` covers `ids[starts[i] : starts[i] + lengths[i]]`, of which the last
    `new_counts[i]` ids stand in no earlier window; the new counts add up to the
    number of ids. Indexing gives the ids of a window as a view.

    Args:
        ids: array of shape (length,). The whole row.
        window: int. Longest window.
        starts: int64 array of shape (windows,).
        lengths: int64 array of shape (windows,).
        new_counts: int64 array of shape (windows,).
    """

    ids: np.ndarray
    window: int
    starts: np.ndarray
    lengths: np.ndarray
    new_counts: np.ndarray

    def __len__(self):
        return len(self.starts)

    def __repr__(self):
        return (
            f"<ByteWindows: {len(self)} windows of at most {self.window} ids over "
            f"{len(self.ids)} ids>"
        )

    def __getitem__(self, index):
        start = self.starts[index]
        return self.ids[start : start + self.lengths[index]]

    def padded(self, first=0, last=None):
        """Some of the windows as one rectangle, padded on the right.

        Args:
            first: int. First window. Defaults to `0`.
            last: int. One past the last window. Defaults to all.

        Returns:
            (token_ids, padding_mask), int32 and bool, of shape
            (windows, window); padding has id 0 and mask False.
        """
        chosen = range(*slice(first, last).indices(len(self)))
        token_ids = np.full((len(chosen), self.window), PAD_TOKEN_ID, dtype=np.int32)
        padding_mask = np.zeros((len(chosen), self.window), dtype=bool)
        for row, index in enumerate(chosen):
            window = self[index]
            token_ids[row, : len(window)] = window
            padding_mask[row, : len(window)] = True
        return token_ids, padding_mask


def byte_windows(text, window, stride=None):
    """Cut a long text into windows that together hold all of it.

    Windows begin at 0, `stride`, 2 · `stride` and so on, until one reaches the
    end; the last may be shorter.

    Args:
        text: str, bytes or int array of shape (length,). Strings and bytes are
            turned into byte ids (byte + 3), without special tokens; an array is
            taken as ids.
        window: int. Longest window, at least 1.
        stride: int. From one window's start to the next, 1 to `window`.
            Defaults to `window`: no overlap.

    Returns:
        `ByteWindows`.

    Raises:
        ValueError: For a window below 1, or a stride that would leave gaps.

    Example:

    >>> windows = byte_windows("abcdefg", window=4, stride=2)
    >>> windows.starts.tolist(), windows.lengths.tolist(), windows.new_counts.tolist()
    ([0, 2, 4], [4, 4, 3], [4, 2, 1])
    """
    stride = window if stride is None else stride
    if window < 1:
        raise ValueError(f"`window` must be at least 1. Received: window={window}")
    if not 1 <= stride <= window:
        raise ValueError(
            "`stride` must lie between 1 and `window`, or bytes would be dropped. "
            f"Received: stride={stride}, window={window}"
        )
    ids = byte_ids(text) if isinstance(text, (str, bytes)) else np.asarray(text)
    if ids.ndim != 1:
        raise ValueError(f"`text` must be one row of ids. Received: shape={ids.shape}")
    later = max(0, -(-(len(ids) - window) // stride))
    count = later + 1 if len(ids) else 0
    starts = np.arange(count, dtype=np.int64) * stride
    ends = np.minimum(starts + window, len(ids))
    new_counts = np.diff(ends, prepend=0)
    return ByteWindows(ids, window, starts, ends - starts, new_counts)
