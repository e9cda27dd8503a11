"""Byte ids of a text, and the offsets of its characters among its bytes."""

import numpy as np

PAD_TOKEN_ID = 0
START_TOKEN_ID = 1
END_TOKEN_ID = 2
BYTE_OFFSET = 3
VOCABULARY_SIZE = 256 + BYTE_OFFSET


def byte_ids(text):
    """Turn a text into the ids that the byte-level models read.

    Args:
        text: str or bytes. A string is encoded as UTF-8.

    Returns:
        uint16 array of shape (bytes,): each byte + 3. No start or end token.

    Raises:
        ValueError: If a string cannot be encoded (a lone surrogate).

    Example:

    >>> byte_ids("é")
    array([198, 172], dtype=uint16)
    """
    encoded = utf8_bytes(text) if isinstance(text, str) else text
    return np.frombuffer(encoded, np.uint8).astype(np.uint16) + np.uint16(BYTE_OFFSET)


def character_byte_offsets(text):
    """Find the UTF-8 byte at which each character begins.

    Character `i` takes the bytes from `offsets[i]` up to `offsets[i + 1]`, the
    last one included.

    Args:
        text: str. Any text.

    Returns:
        int64 array of shape (characters + 1,). The last entry is the number of
        bytes.

    Raises:
        ValueError: If the text cannot be encoded (a lone surrogate).

    Example:

    >>> character_byte_offsets("a中b")
    array([0, 1, 4, 5])
    """
    encoded = np.frombuffer(utf8_bytes(text), dtype=np.uint8)
    # Every byte but the continuation bytes 0b10xxxxxx begins a character.
    starts = np.flatnonzero((encoded & 0xC0) != 0x80)
    return np.append(starts, len(encoded)).astype(np.int64)


def utf8_bytes(text, name="`text`"):
    """Encode a string. Half a surrogate pair is not a character and has no bytes."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must hold whole characters, and no half of a surrogate pair. "
            f"Received: a lone surrogate at character {error.start}"
        ) from None
