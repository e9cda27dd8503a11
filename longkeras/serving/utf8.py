"""UTF-8: the bytes that may follow one another."""

from functools import lru_cache

import numpy as np

# The second byte is narrower after these first bytes: no overlong forms, no
# surrogates, nothing beyond U+10FFFF.
_SECOND_BYTES = {
    0xE0: (0xA0, 0xBF),
    0xED: (0x80, 0x9F),
    0xF0: (0x90, 0xBF),
    0xF4: (0x80, 0x8F),
}


def character_length(first_byte):
    """Return how many bytes a character has, by its first byte.

    Args:
        first_byte: int. A byte that may begin a character.

    Returns:
        int, from 1 to 4.

    Example:
    >>> character_length("月".encode()[0])
    3
    """
    if first_byte < 0x80:
        return 1
    return 2 if first_byte < 0xE0 else 3 if first_byte < 0xF0 else 4


@lru_cache(maxsize=512)
def allowed_next_bytes(beginning, longest=4):
    """Return which bytes may come next.

    Args:
        beginning: bytes. The bytes of an unfinished character; empty between two
            characters.
        longest: int. Most bytes that a new character may have.

    Returns:
        bool array of shape `(256,)`, read-only.

    Example:
    >>> allowed_next_bytes(b"").sum(), allowed_next_bytes(b"\\xe0").sum()
    (np.int64(179), np.int64(32))
    """
    allowed = np.zeros(256, dtype=bool)
    if len(beginning) == 1:
        low, high = _SECOND_BYTES.get(beginning[0], (0x80, 0xBF))
        allowed[low : high + 1] = True
    elif beginning:
        allowed[0x80:0xC0] = True
    else:
        firsts = [*range(0x80), *range(0xC2, 0xF5)]
        allowed[[byte for byte in firsts if character_length(byte) <= longest]] = True
    allowed.flags.writeable = False
    return allowed
