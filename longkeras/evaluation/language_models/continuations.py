"""Bits of continuations after their contexts."""

import numpy as np

from longkeras.evaluation.language_models.protocol import (
    BATCH_SIZE,
    CHUNK_LENGTH,
    call_length,
    choose_protocol,
)
from longkeras.evaluation.language_models.text_reader import (
    Segment,
    read_segments,
    score_documents,
)
from longkeras.text.byte_vocabulary import byte_ids


def score_continuations(model, texts, first_id, chunk_length, batch_size):
    """Score the end of each text after its beginning.

    Each text is read from a start token, so that the probability of A times that of B
    after A is the probability of AB, as long as AB fits into the model. If it does
    not fit, the end of the text is read without a start token; a continuation that is
    too long by itself is read in strides of half the model's length.

    Args:
        model: a model with the decode contract (`initial_state`, `compiled_prefill`,
            `context_length`).
        texts: list of `(ids, num_context)`: an int array `(length,)`, and how many ids
            at its beginning are not scored.
        first_id: int. The start token.
        chunk_length: int. Most ids in one call of the model.
        batch_size: int. Segments read side by side.

    Returns:
        list of `(float, bool)`: the natural logarithm of the probability, and whether
        each id is the most probable one at its position.
    """
    totals = np.zeros(len(texts))
    is_greedy = np.ones(len(texts), dtype=bool)
    for piece in score_documents(
        model, texts, choose_protocol(model), chunk_length, batch_size, True, first_id
    ):
        ids, _ = texts[piece.document]
        targets = ids[piece.start : piece.start + len(piece.bits)]
        totals[piece.document] -= piece.bits.sum(dtype=np.float64) * np.log(2)
        is_right = piece.logits.argmax(axis=-1) == targets
        is_greedy[piece.document] &= bool(is_right.all())
    return list(zip(totals.tolist(), is_greedy.tolist(), strict=True))


def target_bits(
    model, contexts, targets, chunk_length=CHUNK_LENGTH, batch_size=BATCH_SIZE
):
    """Compute the bits per byte of each target after its context.

    The contexts stand in the middle of texts, so no start token is read before them.

    Args:
        model: a model with the decode contract.
        contexts: sequence of bytes. An empty one is read as a start token.
        targets: sequence of bytes, as many, none empty.
        chunk_length: int. Most ids in one call of the model. Defaults to `1024`.
        batch_size: int. Contexts read side by side. Defaults to `8`.

    Returns:
        float array of shape (contexts,).
    """
    limit = model.context_length
    longest = 1 + max(map(len, contexts), default=0) + max(map(len, targets), default=0)
    # Short texts would be mostly padding. Powers of two limit the number of programs.
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
    """Make the segment that scores a target after its context.

    Args:
        number: int. Index of the text, which its pieces carry.
        context: bytes. An empty one is read as a start token.
        target: bytes.

    Returns:
        `Segment`.
    """
    ids = byte_ids(context + target)
    start = 1 if context else 0
    return Segment(
        number, ids, start, len(ids) - start, first_scored=len(context) - start
    )
