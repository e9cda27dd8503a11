"""Log-probabilities of continuations, of whole texts and in their contexts alike."""

import numpy as np

from longkeras.evaluation.protocol import EvaluationProtocol
from longkeras.evaluation.segment_reader import Segment, read_segments


def score_continuations(model, texts, first_id, chunk_length, batch_size):
    """Score the end of each text after its beginning.

    A text is read from a start token, so that the probability of A times that of B
    after A is the probability of AB, as long as AB fits into the model. Of a longer
    one the end is read, without a start token; a continuation that is itself too long
    is read in strides of half the model's length.

    Args:
        model: a model with the decode contract (`initial_state`, `compiled_prefill`,
            `context_length`).
        texts: list of `(ids, num_context)`: an int array `(length,)`, and how many ids
            at its beginning are not scored.
        first_id: int. The start token.
        chunk_length: int. Ids in a call of the model.
        batch_size: int. Stretches read side by side.

    Returns:
        list of `(float, bool)`: the natural logarithm of the probability, and whether
        each id is the likeliest of its place.
    """
    limit = model.context_length
    segments: list = [
        Segment(number, ids, start, length, length - new, first_id)
        for number, (ids, num_context) in enumerate(texts)
        for start, length, new in scored_windows(num_context, len(ids), limit)
    ]
    totals = np.zeros(len(texts))
    is_greedy = np.ones(len(texts), dtype=bool)
    rows = max(1, min(batch_size, len(segments)))
    for first in range(0, len(segments), rows):
        group = segments[first : first + rows]
        # The last group keeps the shape of the others: nothing compiles anew.
        group += [None] * (rows - len(group))
        for piece in read_segments(model, group, chunk_length, limit, True):
            ids, _ = texts[piece.document]
            targets = ids[piece.start : piece.start + len(piece.bits)]
            totals[piece.document] -= piece.bits.sum(dtype=np.float64) * np.log(2)
            is_right = piece.logits.argmax(axis=-1) == targets
            is_greedy[piece.document] &= bool(is_right.all())
    return list(zip(totals.tolist(), is_greedy.tolist(), strict=True))


def scored_windows(num_context, length, limit):
    """Say which stretches of a text are read, so that its end is scored once.

    Args:
        num_context: int. Ids at the beginning that are not scored.
        length: int. Ids.
        limit: int or None. The most ids that the model reads at once.

    Yields:
        `(start, length, new)`: a stretch, and how many ids at its end are scored.

    Example:

    >>> list(scored_windows(6, 8, limit=4)), list(scored_windows(0, 7, limit=4))
    ([(4, 4, 2)], [(0, 4, 4), (2, 4, 2), (4, 3, 1)])
    """
    num_scored = length - num_context
    if num_scored == 0:
        return
    if limit is None or num_scored <= limit:
        start = 0 if limit is None else max(0, length - limit)
        yield start, length - start, num_scored
        return
    for start, size, new in EvaluationProtocol("strided", limit).windows(length):
        new = min(new, start + size - num_context)
        if new > 0:
            yield start, size, new
