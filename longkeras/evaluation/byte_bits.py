"""The bits of every byte of a text, as they are computed."""

import os
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from longkeras.evaluation.file_ids import FileIds
from longkeras.evaluation.protocol import choose_protocol
from longkeras.evaluation.segment_reader import cut_segments, read_segments
from longkeras.text.byte_vocabulary import byte_ids

CHUNK_LENGTH = 2048
BATCH_SIZE = 8


@dataclass(frozen=True, eq=False)
class BitsChunk:
    """The bits of a stretch of the text.

    Args:
        start: int. Byte at which the stretch begins.
        bits: float32 array of shape (length,). Surprise at each byte.
        logits: float32 array of shape (length, vocabulary) or None. What the model
            expected at each byte; special tokens are part of the vocabulary.
    """

    start: int
    bits: np.ndarray
    logits: np.ndarray | None = None


def iterate_bits(
    model,
    text,
    protocol=None,
    context_length=None,
    stride=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    with_logits=False,
):
    """Score a text, handing out the bits as they come.

    Close the generator to stop. Memory does not grow with the text beyond its ids, and
    with a file's not at all.

    Args:
        model: a model with the decode contract (`initial_state`,
            `compiled_prefill`, `context_length`).
        text: str, bytes, path or int array of shape (length,). A path names a file
            that is read piece by piece; an array is taken as ids. Not empty.
        protocol: str, `EvaluationProtocol` or None. Defaults to what suits the
            model; see `choose_protocol`.
        context_length: int. Ids a segment. Defaults to the model's limit.
        stride: int. For `"strided"`. Defaults to half the context.
        chunk_length: int. Most ids in one call of the model. Defaults to `2048`.
        batch_size: int. Segments read side by side. Defaults to `8`.
        with_logits: bool. Whether to hand out the logits too. Defaults to False.

    Yields:
        `BitsChunk`. Together they cover each byte exactly once, in order of the
        text as long as a segment fits in one chunk (and always in streaming).

    Raises:
        ValueError: For an empty text, or a protocol that does not suit the model.

    Example:

    >>> import numpy as np
    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> [chunk.bits.tolist() for chunk in iterate_bits(Uniform(), "ab")]
    [[8.0, 8.0]]
    """
    protocol = choose_protocol(model, protocol, context_length, stride)
    pieces = score_documents(
        model, [as_ids(text)], protocol, chunk_length, batch_size, with_logits
    )
    for piece in pieces:
        yield BitsChunk(piece.start, piece.bits, piece.logits)


def as_ids(text):
    """Take a text in any of its forms as ids.

    Args:
        text: str, bytes, `os.PathLike`, `FileIds` or int array of shape (length,).

    Returns:
        int array of shape (length,), or `FileIds` for a path.

    Raises:
        ValueError: If it is empty or not one row of integers.
    """
    ids: Any
    if isinstance(text, FileIds):
        ids = text
    elif isinstance(text, os.PathLike):
        ids = FileIds(text)
    elif isinstance(text, (str, bytes)):
        ids = byte_ids(text)
    else:
        ids = np.asarray(text)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            "`text` must be a string, bytes or one row of integer ids. Received: "
            f"an array of {ids.ndim} dimensions and type {ids.dtype}"
        )
    if len(ids) == 0:
        raise ValueError("`text` must not be empty. Received: no bytes")
    return ids


def score_documents(
    model, documents, protocol, chunk_length, batch_size, with_logits=False
):
    """Score several texts, their segments side by side.

    Args:
        model: a model with the decode contract.
        documents: iterable of int arrays of shape (length,).
        protocol: `EvaluationProtocol` that suits the model.
        chunk_length: int. Most ids in one call of the model.
        batch_size: int. Segments read side by side.
        with_logits: bool. Whether to hand out the logits too.

    Yields:
        `ScoredPiece`.

    Raises:
        ValueError: If `chunk_length` or `batch_size` is below 1.
    """
    for name, size in (("chunk_length", chunk_length), ("batch_size", batch_size)):
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
    chunk_length, max_length = _call_lengths(model, protocol, chunk_length)
    segments = (
        segment
        for number, ids in enumerate(documents)
        for segment in cut_segments(protocol, number, ids)
    )
    group: list = list(islice(segments, batch_size))
    rows = len(group)
    while group:
        # The last group keeps the shape of the others: nothing compiles anew.
        group += [None] * (rows - len(group))
        yield from read_segments(model, group, chunk_length, max_length, with_logits)
        group = list(islice(segments, batch_size))


def _call_lengths(model, protocol, chunk_length):
    """Ids a call, and the room a limited model needs in its state."""
    if protocol.context_length is None:
        return chunk_length, None
    # Chunks of equal length, so that as little as possible is padded.
    calls = -(-protocol.context_length // chunk_length)
    chunk_length = -(-protocol.context_length // calls)
    max_length = None if model.context_length is None else protocol.context_length
    return chunk_length, max_length
