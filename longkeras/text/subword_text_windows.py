"""A long text as overlapping windows of subwords with offsets, nothing dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from longkeras.text.windows import byte_windows


@dataclass(frozen=True, eq=False, repr=False)
class SubwordWindows(Sequence):
    """Overlapping windows over the subwords of one text.

    Window `i` covers `token_ids[starts[i] : starts[i] + lengths[i]]`, of which the
    last `new_counts[i]` ids stand in no earlier window; the new counts add up to the
    number of ids. Indexing gives the ids of a window as a view.

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
    """Cut a long text into windows of subwords that together hold all of it.

    Windows begin at the tokens 0, `stride`, 2 · `stride` and so on, until one reaches
    the end; the last may be shorter. The text is tokenized as a whole, so that a
    window never begins within a subword.

    Args:
        tokenizer: `SubwordTokenizer`.
        text: str. Any text.
        window: int. Longest window in tokens, at least 1, special tokens not counted.
        stride: int. From one window's start to the next, 1 to `window`. Defaults to
            `window`: no overlap.

    Returns:
        `SubwordWindows`; without windows where the text has no token.

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
