"""Passages of equal length, drawn evenly from texts."""

import numpy as np

CONTINUATION, LEADING = 0b10000000, 0b11000000


def draw_passages(texts, length, count, rng):
    """Draw passages of the same length, spread evenly over texts.

    The room in all texts together is cut into `count` equal parts, and each passage
    begins at a random place of its own part, moved to the beginning of a character.

    Args:
        texts: sequence of str or bytes.
        length: int. Bytes of a passage.
        count: int. Passages.
        rng: `numpy.random.Generator`.

    Returns:
        list of bytes, `count` of them, in the order of the texts. The last character
        may be cut.

    Raises:
        ValueError: If `length` or `count` is below 1, or no text is long enough.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> [len(passage) for passage in draw_passages(["Call me Ishmael."], 4, 3, rng)]
    [4, 4, 4]
    """
    for name, size in (("length", length), ("count", count)):
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    rooms = np.array([max(0, len(text) - length + 1) for text in encoded], dtype=int)
    total = int(rooms.sum())
    if total == 0:
        raise ValueError(
            "`texts` must hold one that is at least as long as a passage. Received: "
            f"length={length}, texts of {list(map(len, encoded))} bytes"
        )
    places = ((np.arange(count) + rng.random(count)) * total / count).astype(int)
    ends = np.cumsum(rooms)
    passages = []
    for place in places:
        number = int(np.searchsorted(ends, place, side="right"))
        text = encoded[number]
        start = character_start(text, int(place - (ends[number] - rooms[number])))
        passages.append(text[start : start + length])
    return passages


def character_start(data, place):
    """Where the character that holds a byte begins.

    Args:
        data: bytes. UTF-8.
        place: int. A byte's place, or the end.

    Returns:
        int, at most three less than `place`.
    """
    for start in range(place, max(-1, place - 4), -1):
        if start >= len(data) or data[start] & LEADING != CONTINUATION:
            return start
    return place
