"""Segments of one or many texts read by a model, several at a time, in chunks."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from longkeras.text.byte_vocabulary import PAD_TOKEN_ID, START_TOKEN_ID


@dataclass(frozen=True, eq=False)
class Segment:
    """What a model reads from one empty state, and what of it is scored.

    Args:
        document: int. Which text this is a part of.
        ids: int array of shape (length,), or what gives one when it is sliced. The
            whole text.
        start: int. Position of its first target in the text.
        length: int. Targets.
        first_scored: int. Targets before this one were scored by others.
        first_id: int. What is read before a text's first byte.
    """

    document: int
    ids: Any
    start: int
    length: int
    first_scored: int
    first_id: int = START_TOKEN_ID

    def inputs(self, begin, end):
        """What the model reads, from one target's place to another's."""
        end = min(end, self.length)
        before = self.start + begin - 1
        if before >= 0:
            return self.ids[before : self.start + end - 1]
        return np.concatenate([[self.first_id], self.ids[: self.start + end - 1]])

    def targets(self, begin, end):
        """What comes next at each of these places."""
        return self.ids[self.start + begin : self.start + min(end, self.length)]


@dataclass(frozen=True, eq=False)
class ScoredPiece:
    """The bits of a stretch of one text.

    Args:
        document: int. Which text.
        start: int. Position of the first scored id in the text.
        bits: float32 array of shape (length,).
        logits: float32 array of shape (length, vocabulary) or None.
    """

    document: int
    start: int
    bits: np.ndarray
    logits: np.ndarray | None


def cut_segments(protocol, document, ids):
    """Cut one text into segments, one at a time.

    Args:
        protocol: `EvaluationProtocol`.
        document: int. The text's number.
        ids: int array of shape (length,), or what gives one when it is sliced.

    Yields:
        `Segment`.
    """
    for start, length, new in protocol.windows(len(ids)):
        yield Segment(document, ids, start, length, first_scored=length - new)


def read_segments(model, segments, chunk_length, max_length, with_logits=False):
    """Read some segments side by side.

    Every call of the model has the same shape: the last chunk and segments that
    are over are padded.

    Args:
        model: a model with the decode contract.
        segments: list of `Segment` or None (an empty row, to keep the shape).
        chunk_length: int. Ids a call.
        max_length: int or None. Room in the state, for models that need it.
        with_logits: bool. Whether the pieces carry the logits.

    Yields:
        `ScoredPiece`, chunk after chunk, and in a chunk segment after segment.
    """
    state = model.initial_state(len(segments), max_length=max_length)
    longest = max(segment.length for segment in segments if segment)
    for begin in range(0, longest, chunk_length):
        token_ids, padding_mask = _chunk_inputs(segments, begin, chunk_length)
        logits, _, state = model.compiled_prefill(token_ids, padding_mask, state)
        logits = keras.ops.convert_to_numpy(logits)
        for row, segment in enumerate(segments):
            if segment is not None:
                piece = _score_row(segment, begin, logits[row], with_logits)
                if piece is not None:
                    yield piece


def bits_of(logits, target_ids):
    """Surprise at each target: minus log2 of its probability.

    Args:
        logits: float array of shape (length, vocabulary).
        target_ids: int array of shape (length,).

    Returns:
        float32 array of shape (length,).
    """
    logits = logits.astype(np.float32, copy=False)
    highest = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - highest).sum(axis=-1)) + highest[:, 0]
    chosen = np.take_along_axis(logits, target_ids[:, None].astype(np.int64), axis=-1)
    return (log_total - chosen[:, 0]) / np.float32(np.log(2.0))


def _chunk_inputs(segments, begin, chunk_length):
    shape = (len(segments), chunk_length)
    token_ids = np.full(shape, PAD_TOKEN_ID, dtype=np.int32)
    padding_mask = np.zeros(shape, dtype=bool)
    for row, segment in enumerate(segments):
        if segment is not None and begin < segment.length:
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
