"""Bits per byte by position in a text."""

import itertools
from dataclasses import dataclass

import numpy as np

from longkeras.evaluation.estimates import Estimate, estimate_mean
from longkeras.evaluation.language_models.protocol import (
    BATCH_SIZE,
    CHUNK_LENGTH,
    EvaluationProtocol,
)
from longkeras.evaluation.language_models.text_reader import as_ids, score_documents


@dataclass(frozen=True)
class PositionBits:
    """Bits per byte between two positions of a text.

    Args:
        start: int. First position.
        end: int. One past the last.
        bits_per_byte: `Estimate`. Over the texts.
    """

    start: int
    end: int
    bits_per_byte: Estimate


def bits_by_position(
    model,
    texts,
    edges=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    seed=0,
):
    """Measure the bits per byte by position.

    Each text is read once, from a start token and an empty state: a byte at position
    `p` is predicted from the `p` bytes before it.

    Args:
        model: a model with the decode contract; see `bits_per_byte`.
        texts: sequence of str or bytes, none shorter than the last edge. Estimates
            assume that they are independent, as those of `draw_passages`.
        edges: sequence of int, increasing. The edges of the bins. Defaults to `None`:
            0, then powers of two from 16 to the length of the texts.
        chunk_length: See `bits_per_byte`.
        batch_size: See `bits_per_byte`.
        seed: int. Seed of the bootstrap. Defaults to `0`.

    Returns:
        list of `PositionBits`, one per bin.

    Raises:
        ValueError: If there are no texts or they are shorter than the last edge, or if
            the edges do not increase or exceed what the model reads at once.

    Example:

    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> bins = bits_by_position(Uniform(), ["Call me Ishmael."], edges=[0, 4, 16])
    >>> [(one.start, one.end, one.bits_per_byte.mean) for one in bins]
    [(0, 4, 8.0), (4, 16, 8.0)]
    """
    documents = [as_ids(text) for text in texts]
    shortest = min(map(len, documents), default=0)
    edges = _edges(edges, shortest)
    limit = model.context_length
    if limit is not None and edges[-1] > limit:
        raise ValueError(
            "`edges` must not go beyond what the model reads at once. "
            f"Received: edges={edges}, model.context_length={limit}"
        )
    protocol = EvaluationProtocol("segment", edges[-1])
    totals = np.zeros((len(documents), len(edges) - 1))
    read = [(ids[: edges[-1]], 0) for ids in documents]
    for piece in score_documents(model, read, protocol, chunk_length, batch_size):
        positions = piece.start + np.arange(len(piece.bits))
        bins = np.searchsorted(edges, positions, side="right") - 1
        scored = bins >= 0
        np.add.at(totals[piece.document], bins[scored], piece.bits[scored])
    means = totals / np.diff(edges)
    return [
        PositionBits(start, end, estimate_mean(means[:, number], seed))
        for number, (start, end) in enumerate(itertools.pairwise(edges))
    ]


def _edges(edges, shortest):
    if edges is None:
        edges = [0]
        while (edge := 16 if len(edges) == 1 else 2 * edges[-1]) <= shortest:
            edges.append(edge)
    edges = [int(edge) for edge in edges]
    rises = all(first < second for first, second in itertools.pairwise(edges))
    if len(edges) < 2 or edges[0] < 0 or not rises or edges[-1] > shortest:
        raise ValueError(
            "`edges` must rise, hold at least two numbers, and not exceed the shortest "
            f"text. Received: edges={edges}, {shortest} bytes"
        )
    return edges
