"""A pass key asked of an encoder: the bytes that it reads, and those that answer."""

import numpy as np

# Where the answer's digits are read: five bytes of the question, all different.
ANSWER_BYTES = b" key?"
_FIRST_BYTE_ID = 3


def asked_ids(example):
    """Context and question as ids of `longkeras.text.ByteTokenizer`.

    Args:
        example: `longkeras.evaluation.RecallExample` of kind `"passkey"`.

    Returns:
        int32 array `(bytes,)`.
    """
    text = (example.context + example.question).encode()
    return np.frombuffer(text, dtype=np.uint8).astype(np.int32) + _FIRST_BYTE_ID


def question_start(example, num_bytes):
    """Where the question begins: its bytes are the global ones.

    Args:
        example: As of `asked_ids`.
        num_bytes: int. Bytes that are read, from the end.

    Returns:
        int.
    """
    return num_bytes - len(example.question.encode())


def answer_places(example, num_bytes):
    """The bytes of the question at which the answer's digits are classified.

    Args:
        example: As of `asked_ids`.
        num_bytes: int. Bytes that are read, from the end.

    Returns:
        slice, as long as the answer.
    """
    start = question_start(example, num_bytes)
    start += example.question.encode().index(ANSWER_BYTES)
    return slice(start, start + len(example.answer))


def num_decoys(length):
    """How many other numbers a text tells in the words of the pass key.

    Args:
        length: int. Bytes.

    Returns:
        int: none below 256 bytes, else 1 and another for every 2,048 bytes.
    """
    return int(length >= 256) + length // 2048
