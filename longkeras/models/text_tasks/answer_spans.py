"""Conversion of logits of starts and ends to the characters of answers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AnswerSpan:
    """A part of a text that may answer a question.

    Args:
        text: str. The answer; empty if there is none.
        start: int. Its first character.
        end: int. One past its last character.
        score: float. The sum of the logits of its start and of its end.
        window: int. The window it was found in.
    """

    text: str
    start: int
    end: int
    score: float
    window: int


def answer_spans(
    start_logits,
    end_logits,
    windows,
    n_best=20,
    max_answer_length=30,
    may_be_unanswered=False,
):
    """Return the best answers in a text that was read in windows.

    Args:
        start_logits: float array `(windows, sequence)`.
        end_logits: float array `(windows, sequence)`.
        windows: what `windows` of the preprocessor returned.
        n_best: int. Starts and ends to look at in each window, and the most answers.
            Defaults to `20`.
        max_answer_length: int. The most tokens of an answer. Defaults to `30`.
        may_be_unanswered: bool. Whether to add an empty answer, with the least score
            that a window gives its first token. Defaults to `False`.

    Returns:
        list of `AnswerSpan`, the best first; no two of the same characters.
    """
    best = {}
    for i, offsets in enumerate(windows.offsets):
        starts, ends, scores = _spans(
            np.asarray(start_logits[i], dtype=np.float32),
            np.asarray(end_logits[i], dtype=np.float32),
            offsets[:, 0] >= 0,
            n_best,
            max_answer_length,
        )
        for first, last, score in zip(starts, ends, scores, strict=True):
            place = int(offsets[first, 0]), int(offsets[last, 1])
            if place not in best or best[place].score < score:
                text = windows.text[slice(*place)]
                best[place] = AnswerSpan(text, *place, float(score), i)
    found = list(best.values())
    if may_be_unanswered and len(windows):
        empty = np.asarray(start_logits)[:, 0] + np.asarray(end_logits)[:, 0]
        i = int(empty.argmin())
        found.append(AnswerSpan("", 0, 0, float(empty[i]), i))
    return sorted(found, key=lambda span: -span.score)[:n_best]


def _spans(start_logits, end_logits, allowed, n_best, max_answer_length):
    """Return starts, ends and scores of the spans of the best tokens of one window."""
    places = np.flatnonzero(allowed)
    first = places[np.argsort(-start_logits[places], kind="stable")[:n_best]]
    last = places[np.argsort(-end_logits[places], kind="stable")[:n_best]]
    starts, ends = (x.ravel() for x in np.meshgrid(first, last, indexing="ij"))
    fits = (starts <= ends) & (ends - starts < max_answer_length)
    starts, ends = starts[fits], ends[fits]
    return starts, ends, start_logits[starts] + end_logits[ends]
