"""Overlapping windows over long texts, of bytes or of subwords."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from longkeras.text.byte_vocabulary import PAD_TOKEN_ID, byte_ids


@dataclass(frozen=True, eq=False, repr=False)
class ByteWindows(Sequence):
    """Overlapping windows over one row of ids.

    Window `i` covers `ids[starts[i] : starts[i] + lengths[i]]`, of which the last
    `new_counts[i]` ids are in no earlier window; the new counts add up to the
    number of ids. Indexing returns the ids of a window as a view.

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
        """Some of the windows as one array, padded on the right.

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
    """Cut a long text into windows that together cover all of it.

    Windows begin at 0, `stride`, 2 · `stride` and so on, until one reaches the
    end; the last may be shorter.

    Args:
        text: str, bytes or int array of shape (length,). Strings and bytes are
            turned into byte ids (byte + 3), without special tokens; an array is
            taken as ids.
        window: int. Longest window, at least 1.
        stride: int. Ids between the starts of two windows, 1 to `window`.
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


@dataclass(frozen=True, eq=False, repr=False)
class SubwordWindows(Sequence):
    """Overlapping windows over the subwords of one text.

    Window `i` covers `token_ids[starts[i] : starts[i] + lengths[i]]`, of which the
    last `new_counts[i]` ids are in no earlier window; the new counts add up to the
    number of ids. Indexing returns the ids of a window as a view.

    Args:
        text: str. The whole text.
        token_ids: int32 array of shape (length,). The ids of the whole text.
        offsets: int32 array of shape (length, 2). The characters of each token.
        starts: int64 array of shape (windows,).
        lengths: int64 array of shape (windows,).
        new_counts: int64 array of shape (windows,).
    """

    text: str
    token_ids: np.ndarray
    offsets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    new_counts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def __repr__(self) -> str:
        return (
            f"<SubwordWindows: {len(self)} windows of at most "
            f"{max(self.lengths, default=0)} tokens over {len(self.token_ids)} tokens>"
        )

    def __getitem__(self, index: Any) -> Any:
        return self.token_ids[self._slice(index)]

    def offsets_of(self, index: int) -> np.ndarray:
        """The characters of each token of a window, int32 `(length, 2)`."""
        return self.offsets[self._slice(index)]

    def text_of(self, index: int) -> str:
        """The characters from a window's first token to its last."""
        offsets = self.offsets_of(index)
        return self.text[offsets[0, 0] : offsets[:, 1].max()]

    def _slice(self, index: int) -> slice:
        start = self.starts[index]
        return slice(start, start + self.lengths[index])


def subword_windows(
    tokenizer: Any, text: str, window: int, stride: int | None = None
) -> SubwordWindows:
    """Cut a long text into windows of subwords that together cover all of it.

    Windows begin at the tokens 0, `stride`, 2 · `stride` and so on, until one reaches
    the end; the last may be shorter. The text is tokenized as a whole, so that a
    window never begins within a subword.

    Args:
        tokenizer: `SubwordTokenizer`.
        text: str. Any text.
        window: int. Longest window in tokens, at least 1, special tokens not counted.
        stride: int. Tokens between the starts of two windows, 1 to `window`. Defaults
            to `window`: no overlap.

    Returns:
        `SubwordWindows`, empty if the text has no token.

    Raises:
        ValueError: For a window below 1, or a stride that would leave gaps.

    Example:

    ```python
    from longkeras.text import SubwordTokenizer, subword_windows

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "be", "or", "not"]
    tokenizer = SubwordTokenizer.from_word_piece(vocabulary)
    windows = subword_windows(tokenizer, "To be or not to be", window=4, stride=2)
    assert [windows.text_of(i) for i in range(2)] == ["To be or not", "or not to be"]
    assert windows.new_counts.tolist() == [4, 2]
    ```
    """
    token_ids, offsets = tokenizer.tokenize_with_offsets(text)
    cut = byte_windows(token_ids, window, stride)
    return SubwordWindows(
        text, token_ids, offsets, cut.starts, cut.lengths, cut.new_counts
    )
