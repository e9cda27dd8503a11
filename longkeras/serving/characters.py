"""Characters of a text and the bytes they take."""

import unicodedata

from longkeras.serving.byte_tokens import character_length

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


def part_to_read(data, max_bytes):
    """Return the beginning of a text that is read when so much is to be read.

    A little more is read rather than a little dropped: a text that is at most a tenth
    longer than `max_bytes` is read whole.

    Args:
        data: bytes. Valid UTF-8.
        max_bytes: int. How much to read.

    Returns:
        bytes.

    Example:
    >>> [len(part_to_read(b"x" * length, 20_000)) for length in (22_000, 22_001)]
    [22000, 20000]
    """
    # Whole numbers: 1.1 has no exact form.
    if 10 * len(data) <= 11 * max_bytes:
        return data
    return cut_at_character(data, max_bytes)


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
    return data[: end or character_length(data[0])]
