"""Answers as characters of texts, as tokens of rows, and from logits."""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

NAMES = ("question", "context")
TARGETS = ("start_logits", "end_logits")
# How much of an answer a row or window holds.
NONE, PART, WHOLE = 0, 1, 2
_ANSWERS = ({"answer_start", "answer_text"}, {"answer_start", "answer_end"})


def as_list(value):
    """Return a single value as a list of it."""
    return value if isinstance(value, list) else [value]


def answer_characters(x, y):
    """Return `(start, end)` in characters for each answer, or None if there is none.

    Args:
        x: dict of `question` and `context`, strings or lists of strings.
        y: dict of `answer_start`, and of `answer_text` or `answer_end`.
    """
    is_dict = isinstance(y, Mapping)
    if not is_dict or set(y) not in _ANSWERS:
        received = sorted(y) if is_dict else type(y).__name__
        raise ValueError(
            "`y` must be a dict of `answer_start`, the answer's first character in "
            "`context`, and of `answer_text` or `answer_end`, one past its last. "
            f"Received: {received}"
        )
    contexts, starts = as_list(x["context"]), as_list(y["answer_start"])
    counts = {name: len(as_list(values)) for name, values in y.items()}
    if set(counts.values()) != {len(contexts)}:
        raise ValueError(
            f"`y` must have an answer for each of {len(contexts)} texts. Received: "
            f"{counts}"
        )
    for name, values in y.items():
        kind = str if name == "answer_text" else numbers.Integral
        wrong = [value for value in as_list(values) if not isinstance(value, kind)]
        if wrong:
            meant = "str" if kind is str else "int"
            raise ValueError(
                f"`{name}` must be one {meant} a text. Received: {wrong[0]!r}"
            )
    if "answer_end" in y:
        ends = as_list(y["answer_end"])
        for context, end in zip(contexts, ends, strict=True):
            if end > len(context):
                raise ValueError(
                    "`answer_end` must lie in `context`. Received: "
                    f"answer_end={end} in a text of {len(context)} characters"
                )
    else:
        texts = as_list(y["answer_text"])
        ends = [start + len(text) for start, text in zip(starts, texts, strict=True)]
        for context, start, text in zip(contexts, starts, texts, strict=True):
            if start >= 0 and context[start : start + len(text)] != text:
                raise ValueError(
                    "`answer_text` must stand in `context` at `answer_start`. "
                    f"Received: answer_text={text!r}, answer_start={start}, where "
                    f"{context[start : start + len(text)]!r} stands"
                )
    return [
        (start, end) if 0 <= start < end else None
        for start, end in zip(starts, ends, strict=True)
    ]


def answer_tokens(offsets, characters, first, count):
    """Find the tokens of an answer among some of the tokens of a text.

    Args:
        offsets: int array `(length, 2)`. The characters of each token of the text.
        characters: `(start, end)` of the answer, or None if there is none.
        first: int. The first token to look at.
        count: int. How many tokens to look at.

    Returns:
        (start, end, held): the answer's first and last token, counted from `first`, or
        -1 for both; and `NONE`, `PART` or `WHOLE`.
    """
    if characters is None:
        return -1, -1, NONE
    start, end = characters
    inside = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < end))
    if not len(inside) or inside[-1] < first or inside[0] >= first + count:
        return -1, -1, NONE
    if inside[0] < first or inside[-1] >= first + count:
        return -1, -1, PART
    return int(inside[0]) - first, int(inside[-1]) - first, WHOLE


def given_targets(x, y, rows):
    """Move targets that are given as tokens of padded rows to rows that are packed.

    Args:
        x: dict of `token_ids` and perhaps `padding_mask`, lists.
        y: dict of `start_logits` and `end_logits`, lists of int, or ints for one row.
        rows: list of `Row`, made of `x`.

    Returns:
        (targets, cut): dict of int32 arrays `(batch,)`, and how many answers were cut
        off; these become the first token.
    """
    mask = x.get("padding_mask")
    single = len(rows) == 1 and not isinstance(x["token_ids"][0], list)
    places = np.zeros((len(rows), len(TARGETS)), dtype=np.int32)
    is_cut = np.zeros(len(rows), dtype=bool)
    for column, name in enumerate(TARGETS):
        for i, place in enumerate(as_list(y[name])):
            if place == 0:
                continue  # No answer, also where a row begins with padding.
            whole = rows[i].tokens
            real = np.arange(whole)
            if mask is not None:
                real = np.flatnonzero(mask if single else mask[i])
            found = np.flatnonzero(real == place)
            if not len(found):
                raise ValueError(
                    f"`{name}` must be a token of its row that is not padding. "
                    f"Received: {place} in row {i} of {whole} tokens"
                )
            kept = rows[i].read
            if kept < whole and found[0] == whole - 1:
                places[i, column] = kept - 1  # The last token stays when a row is cut.
                continue
            is_cut[i] |= kept < whole and found[0] >= kept - 1
            places[i, column] = found[0]
    places[is_cut] = 0
    return dict(zip(TARGETS, places.T, strict=True)), int(is_cut.sum())


def chosen_windows(held, unanswered_share, seed):
    """Return the indices of the windows to train on, in order.

    Args:
        held: int array `(windows,)` of `NONE`, `PART` and `WHOLE`.
        unanswered_share: float from 0 to less than 1, or None for all.
        seed: int.
    """
    answered, empty = np.flatnonzero(held == WHOLE), np.flatnonzero(held == NONE)
    if unanswered_share is not None:
        if not 0 <= unanswered_share < 1:
            raise ValueError(
                "`unanswered_share` must be from 0 to less than 1, or None for all "
                f"windows. Received: unanswered_share={unanswered_share}"
            )
        wanted = unanswered_share / (1 - unanswered_share) * len(answered)
        count = min(len(empty), round(wanted))
        rng = np.random.default_rng(seed)
        empty = rng.choice(empty, size=count, replace=False)
    if not len(answered) + len(empty):
        raise ValueError(
            "`y` must have an answer that a window holds: there is no window to train "
            f"on. Received: unanswered_share={unanswered_share}"
        )
    return np.sort(np.concatenate([answered, empty])).astype(int)


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
