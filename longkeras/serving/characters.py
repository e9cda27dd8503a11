"""Labels of characters, and cuts between them."""

import unicodedata

from longkeras.serving.byte_tokens import character_length

_LABELS = {"\n": "⏎", " ": "␣", "\t": "⇥", "\r": "␍", "\x7f": "␡"}
_UNSEEN = {"Cc", "Cf", "Co", "Cn", "Cs", "Mn", "Me", "Zl", "Zp", "Zs"}


def character_label(character):
    """Return a visible label for a single character.

    Blank, control, combining and direction-changing characters are invisible or affect
    their neighbours, so they are replaced by a symbol or a code point.

    Args:
        character: str of length 1.

    Returns:
        str: the character itself, a symbol for it, or its code point.

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
    """Return the part of a text that is read under a limit.

    A text that is at most a tenth longer than `max_bytes` is read whole, rather than
    dropping a small rest.

    Args:
        data: bytes. Valid UTF-8.
        max_bytes: int. The limit.

    Returns:
        bytes.

    Example:
    >>> [len(part_to_read(b"x" * length, 20_000)) for length in (22_000, 22_001)]
    [22000, 20000]
    """
    # In integers, since 1.1 is not exact in floating point.
    if 10 * len(data) <= 11 * max_bytes:
        return data
    return cut_at_character(data, max_bytes)


def cut_at_character(data, max_bytes):
    """Return the longest prefix of whole characters within a number of bytes.

    Args:
        data: bytes. Valid UTF-8.
        max_bytes: int. Most bytes to keep; the first character is always kept.

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
