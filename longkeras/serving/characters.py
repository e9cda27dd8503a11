"""Characters of a text and the bytes they take."""

import unicodedata

import numpy as np

_LABELS = {"\n": "⏎", " ": "␣", "\t": "⇥", "\r": "␍", "\x7f": "␡"}
_UNSEEN = {"Cc", "Cf", "Co", "Cn", "Cs", "Mn", "Me", "Zl", "Zp", "Zs"}


def character_label(character):
    """Return how a single character is shown where it stands alone.

    Blank, control, combining and direction-changing characters would be invisible
    or would change what stands beside them, so they are shown by a sign or a number.

    Args:
        character: str. One character.

    Returns:
        str: the character itself, a sign for it, or its code point.

    Example:
    >>> [character_label(character) for character in "月\\n \\x01\\u202e"]
    ['月', '⏎', '␣', '␁', 'U+202E']
    """
    if character in _LABELS:
        return _LABELS[character]
    if ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    if unicodedata.category(character) in _UNSEEN:
        return f"U+{ord(character):04X}"
    return character


def character_starts(data):
    """Return where each character of a UTF-8 text begins.

    Args:
        data: bytes. Valid UTF-8.

    Returns:
        int64 array of shape `(characters + 1,)`: the byte offset of each character,
        then the length of the data.

    Example:
    >>> character_starts("a月b".encode()).tolist()
    [0, 1, 4, 5]
    """
    values = np.frombuffer(data, "uint8")
    starts = np.flatnonzero((values & 0xC0) != 0x80)
    return np.append(starts, len(data)).astype("int64")


def cut_at_character(data, max_bytes):
    """Return the longest beginning of whole characters within a number of bytes.

    Args:
        data: bytes. Valid UTF-8.
        max_bytes: int. Most bytes to keep; the first character is kept always.

    Returns:
        bytes.

    Example:
    >>> cut_at_character("a月b".encode(), 3).decode()
    'a'
    """
    if len(data) <= max_bytes:
        return data
    end = max_bytes
    while end > 0 and data[end] & 0xC0 == 0x80:
        end -= 1
    if end == 0:
        end = int(character_starts(data[:8])[1])
    return data[:end]
