"""Reading of long texts in calls of one shape, with the state carried between them."""

import os
from dataclasses import dataclass
from itertools import islice
from typing import Any

import keras
import numpy as np

from longkeras.evaluation.language_models.protocol import (
    BATCH_SIZE,
    CHUNK_LENGTH,
    call_length,
)
from longkeras.text.byte_vocabulary import PAD_TOKEN_ID, START_TOKEN_ID, byte_ids


class FileIds:
    """A file that is sliced like an array of byte ids, without being loaded."""

    ndim = 1
    dtype = np.dtype(np.uint16)

    def __init__(self, path):
        self.path = os.fspath(path)
        self._length = os.stat(self.path).st_size

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        start, stop, _ = index.indices(self._length)
        # Unbuffered, and not mapped, which would count as memory of this process.
        with open(self.path, "rb", buffering=0) as file:
            file.seek(start)
            return byte_ids(file.read(max(0, stop - start)))


def as_ids(text):
    """The ids of a text: str, bytes, path (as `FileIds`) or int array `(length,)`."""
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


@dataclass(frozen=True, eq=False)
class Segment:
    """A span of a text that is read from an empty state.

    Args:
        document: int. Index of the text.
        ids: int array of shape (length,), or `FileIds`. The whole text.
        start: int. Position of the first target in the text.
        length: int. Number of targets.
        first_scored: int. The targets before this one are not scored.
        first_id: int. Id that is read before the first one of a text.
    """

    document: int
    ids: Any
    start: int
    length: int
    first_scored: int
    first_id: int = START_TOKEN_ID

    def inputs(self, begin, end):
        """The ids that are read to predict the targets from begin to end."""
        end = min(end, self.length)
        before = self.start + begin - 1
        if before >= 0:
            return self.ids[before : self.start + end - 1]
        return np.concatenate([[self.first_id], self.ids[: self.start + end - 1]])

    def targets(self, begin, end):
        """The targets from begin to end."""
        return self.ids[self.start + begin : self.start + min(end, self.length)]


@dataclass(frozen=True, eq=False)
class ScoredPiece:
    """The bits of a span of one text.

    Args:
        document: int. Index of the text.
        start: int. Position of the first scored id in the text.
        bits: float32 array of shape (length,).
        logits: float32 array of shape (length, vocabulary) or None.
    """

    document: int
    start: int
    bits: np.ndarray
    logits: np.ndarray | None


def score_documents(
    model,
    documents,
    protocol,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    with_logits=False,
    first_id=START_TOKEN_ID,
):
    """Score several texts, their segments side by side; see `read_segments`.

    `documents` are pairs `(ids, first_scored)`: the ids of a text, and how many of them
    are context only. `first_id` is read before each text.
    """
    segments = (
        Segment(number, ids, start, length, length - new, first_id)
        for number, (ids, first_scored) in enumerate(documents)
        for start, length, new in protocol.windows(len(ids), first_scored)
    )
    max_length = None if model.context_length is None else protocol.context_length
    yield from read_segments(
        model,
        segments,
        call_length(protocol.context_length, chunk_length),
        batch_size,
        max_length,
        with_logits,
    )


def read_segments(
    model, segments, chunk_length, batch_size, max_length, with_logits=False
):
    """Read `batch_size` segments side by side, `chunk_length` ids in a call.

    Every call has the same shape, so that one compiled program serves all: the last
    chunk, finished segments and missing rows are padded. `max_length` is the capacity
    of the state, for models that need it. Close the generator to stop after a call.

    Yields:
        `ScoredPiece`, chunk by chunk, and within a chunk segment by segment.
    """
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be at least 1. Received: batch_size={batch_size}"
        )
    segments = iter(segments)
    rows = None
    while group := list(islice(segments, batch_size)):
        rows = rows or len(group)
        state = model.initial_state(rows, max_length=max_length)
        for begin in range(0, max(one.length for one in group), chunk_length):
            inputs = _chunk_inputs(group, rows, begin, chunk_length)
            logits, _, state = model.compiled_prefill(*inputs, state)
            logits = keras.ops.convert_to_numpy(logits)
            for segment, row in zip(group, logits, strict=False):
                piece = _score_row(segment, begin, row, with_logits)
                if piece is not None:
                    yield piece


def target_bits(
    model, contexts, targets, chunk_length=CHUNK_LENGTH, batch_size=BATCH_SIZE
):
    """The bits per byte of each target after its context, both sequences of bytes.

    Contexts are taken from the middle of texts, so they have no start token, except
    for an empty one.
    """
    limit = model.context_length
    longest = 1 + max(map(len, contexts), default=0) + max(map(len, targets), default=0)
    # Shorter calls for short texts. Powers of two limit the number of programs.
    chunk_length = min(chunk_length, 2 ** (longest - 1).bit_length())
    chunk_length = call_length(limit, chunk_length)
    totals = np.zeros(len(contexts))
    segments = (
        target_segment(number, context, target)
        for number, (context, target) in enumerate(zip(contexts, targets, strict=True))
    )
    for piece in read_segments(model, segments, chunk_length, batch_size, limit):
        totals[piece.document] += piece.bits.sum(dtype=np.float64)
    return totals / [len(target) for target in targets]


def target_segment(number, context, target):
    """The segment that scores a target after its context; see `target_bits`."""
    ids = byte_ids(context + target)
    start = 1 if context else 0
    return Segment(
        number, ids, start, len(ids) - start, first_scored=len(context) - start
    )


def bits_of(logits, target_ids):
    """The bits of each target, minus log2 of its probability, float32 `(length,)`.

    `logits` are `(length, vocabulary)`.
    """
    logits = logits.astype(np.float32, copy=False)
    highest = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - highest).sum(axis=-1)) + highest[:, 0]
    chosen = np.take_along_axis(logits, target_ids[:, None].astype(np.int64), axis=-1)
    return (log_total - chosen[:, 0]) / np.float32(np.log(2.0))


def _chunk_inputs(segments, rows, begin, chunk_length):
    token_ids = np.full((rows, chunk_length), PAD_TOKEN_ID, dtype=np.int32)
    padding_mask = np.zeros((rows, chunk_length), dtype=bool)
    for row, segment in enumerate(segments):
        if begin < segment.length:
            part = segment.inputs(begin, begin + chunk_length)
            token_ids[row, : len(part)] = part
            padding_mask[row, : len(part)] = True
    return token_ids, padding_mask


def _score_row(segment, begin, logits, with_logits):
    first = max(begin, segment.first_scored)
    last = min(begin + len(logits), segment.length)
    if first >= last:
        return None
    logits = logits[first - begin : last - begin].astype(np.float32)
    bits = bits_of(logits, segment.targets(first, last))
    return ScoredPiece(
        segment.document,
        segment.start + first,
        bits,
        logits if with_logits else None,
    )
