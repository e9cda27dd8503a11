"""Bytes as tokens, and the UTF-8 that they spell.

Reading and continuation compare models by bits per byte, show bits for every character
and write whole characters only, so they need one token for each byte. All that they
assume about tokens is in this module; models with other tokens are refused on loading.
"""

from functools import lru_cache

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.text.byte_vocabulary import (
    BYTE_OFFSET,
    END_TOKEN_ID,
    START_TOKEN_ID,
    byte_ids,
)

# The range of the second byte is narrower after these first bytes: no overlong forms,
# no surrogates, nothing beyond U+10FFFF.
_SECOND_BYTES = {
    0xE0: (0xA0, 0xBF),
    0xED: (0x80, 0x9F),
    0xF0: (0x90, 0xBF),
    0xF4: (0x80, 0x8F),
}


def character_length(first_byte):
    """Return the number of bytes of a character, from its first byte.

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
def allowed_next_bytes(prefix, longest=4):
    """Return the bytes that may come next in valid UTF-8.

    Args:
        prefix: bytes. The bytes of an unfinished character; empty between two
            characters.
        longest: int. Most bytes that a new character may have.

    Returns:
        bool array of shape `(256,)`, read-only.

    Example:
    >>> allowed_next_bytes(b"").sum(), allowed_next_bytes(b"\\xe0").sum()
    (np.int64(179), np.int64(32))
    """
    allowed = np.zeros(256, dtype=bool)
    if len(prefix) == 1:
        low, high = _SECOND_BYTES.get(prefix[0], (0x80, 0xBF))
        allowed[low : high + 1] = True
    elif prefix:
        allowed[0x80:0xC0] = True
    else:
        firsts = [*range(0x80), *range(0xC2, 0xF5)]
        allowed[[byte for byte in firsts if character_length(byte) <= longest]] = True
    allowed.flags.writeable = False
    return allowed


def check_byte_tokens(model, name):
    """Refuse a language model whose tokens are not bytes.

    Args:
        model: A causal language model. One without a preprocessor is accepted.
        name: str. The model's name in the manifest, for the message.

    Raises:
        CheckpointError: (a `ValueError`) the tokenizer is not a `ByteTokenizer`.
    """
    preprocessor = getattr(model, "preprocessor", None)
    if preprocessor is None:
        return
    # Importing keras takes seconds, so it is imported only when a model is used.
    from longkeras.text import ByteTokenizer

    if not isinstance(preprocessor.tokenizer, ByteTokenizer):
        raise CheckpointError(
            f"The model {name!r} must have a `ByteTokenizer`, since the page reads and "
            f"writes bytes. Received: {type(preprocessor.tokenizer).__name__}. Give it "
            '"capabilities": [] in the manifest to leave it out of the page.'
        )


def text_ids(data):
    """Return the ids of a text, behind a start token.

    Args:
        data: bytes.

    Returns:
        int32 array of shape `(bytes + 1,)`.
    """
    return np.concatenate([[START_TOKEN_ID], byte_ids(data)]).astype("int32")


def from_whole_character(token_ids):
    """Drop the end of a character that was cut at the beginning of some ids.

    Args:
        token_ids: int32 array of shape `(length,)`. Ids of valid UTF-8, cut anywhere.

    Returns:
        int32 array: the ids from the first byte on that begins a character.
    """
    values = token_ids[:4] - BYTE_OFFSET
    is_inside = (values >= 0x80) & (values < 0xC0)
    return token_ids[int(np.argmin(is_inside)) :]


def next_byte_probabilities(logits):
    """Return the probability of each byte.

    Args:
        logits: float array of shape `(..., vocabulary_size)`.

    Returns:
        float64 array of shape `(..., 256)`. The rest up to 1 is the probability of the
        special tokens.
    """
    logits = logits.astype("float64")
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities[..., BYTE_OFFSET : BYTE_OFFSET + 256]


def allowed_tokens(vocabulary_size, prefix, most_bytes):
    """Return the tokens that lead to valid UTF-8 of a limited length.

    Args:
        vocabulary_size: int.
        prefix: bytes. The bytes of an unfinished character; empty between two
            characters, where the end token is allowed too.
        most_bytes: int. Bytes that are left.

    Returns:
        bool array of shape `(vocabulary_size,)`.
    """
    allowed = np.zeros(vocabulary_size, dtype=bool)
    next_bytes = allowed_next_bytes(prefix, longest=min(most_bytes, 4))
    allowed[BYTE_OFFSET : BYTE_OFFSET + 256] = next_bytes
    allowed[END_TOKEN_ID] = not prefix
    return allowed


def byte_token(byte):
    """Return the token of a byte.

    Args:
        byte: int, from 0 to 255.

    Returns:
        int: a token id.
    """
    return byte + BYTE_OFFSET


def byte_of(token_id):
    """Return the byte of a token.

    Args:
        token_id: int. The token of a byte, or the end token.

    Returns:
        bytes of length 1, or None for the end of the text.
    """
    return None if token_id == END_TOKEN_ID else bytes([token_id - BYTE_OFFSET])
