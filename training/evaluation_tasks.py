"""The measurements of `training.evaluate`, one function per task."""

import dataclasses
import time

import numpy as np

from longkeras.data import Book
from longkeras.evaluation import (
    bits_by_position,
    context_use,
    draw_passages,
    effective_context_length,
    evaluate_books,
    recall_by_likelihood,
    recall_examples,
    score_recall,
)


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """Amount and method of the measurements; part of the record.

    Args:
        protocol: str or None. Of `bits`; None is the model's default.
        context_length: int or None. Of `bits`.
        stride: int or None. Of `bits`.
        max_bytes: int or None. Bytes read of each text by `bits`; None is all.
        passages: int. Places that `positions` and `context` are the mean of.
        position_length: int. Bytes read at each place by `positions`.
        context_bytes: int. Context of `context`; a limited model has what it can.
        target_bytes: int. Bytes scored at each place by `context`.
        truncations: tuple of int. Lengths of the contexts that are cut.
        perturbations: tuple of str. What else is done to the far context.
        distances: tuple of int. Bytes that the perturbations leave alone.
        recall_kinds: tuple of str. `"passkey"`, `"key_value"`.
        recall_lengths: tuple of int. Bytes of context.
        recall_depths: tuple of float.
        recall_repeats: int. Examples of each length and depth.
        alternatives: int. Wrong numbers beside the right one.
        seed: int.
        batch_size: int. Rows read side by side.
    """

    protocol: str | None = None
    context_length: int | None = None
    stride: int | None = None
    max_bytes: int | None = 50_000
    passages: int = 200
    position_length: int = 2048
    context_bytes: int = 992
    target_bytes: int = 32
    truncations: tuple[int, ...] = (16, 32, 64, 128, 224, 480, 736)
    perturbations: tuple[str, ...] = (
        "shuffle",
        "reverse",
        "drop_random",
        "drop_content",
        "drop_function",
        "replace",
    )
    distances: tuple[int, ...] = (64, 224)
    recall_kinds: tuple[str, ...] = ("passkey", "key_value")
    recall_lengths: tuple[int, ...] = (180, 440, 950)
    recall_depths: tuple[float, ...] = (0.0, 0.5, 1.0)
    recall_repeats: int = 25
    alternatives: int = 3
    seed: int = 1
    batch_size: int = 20


def measure_bits(model, text_set, settings, record):
    """Bits per byte by the protocol."""
    began = time.perf_counter()
    books = [Book("", text_set.language, text.decode()) for text in text_set.texts]
    scores = evaluate_books(
        model,
        books,
        settings.protocol,
        settings.context_length,
        settings.stride,
        max_bytes_per_book=settings.max_bytes,
    )
    score = scores[text_set.language]
    record.add(
        "bits",
        text_set,
        time.perf_counter() - began,
        protocol=score.protocol,
        bits_per_byte=round(score.bits_per_byte, 4),
        num_bytes=score.num_bytes,
        num_skipped_bytes=score.num_skipped_bytes,
    )


def measure_positions(model, text_set, settings, record):
    """Bits against what has been read before."""
    began = time.perf_counter()
    length = settings.position_length
    passages = _passages(text_set, length, settings)
    if model.context_length is not None:
        length = min(length, model.context_length)
    bins = bits_by_position(
        model,
        [passage[:length] for passage in passages],
        batch_size=settings.batch_size,
    )
    record.add(
        "positions",
        text_set,
        time.perf_counter() - began,
        protocol=f"{len(passages)} passages, each from a start token",
        bins=[
            {"start": one.start, "end": one.end, **_rounded(one.bits_per_byte)}
            for one in bins
        ],
    )


def measure_context(model, text_set, settings, record):
    """Cost of removing or changing the distant context."""
    passages = _passages(
        text_set, settings.context_bytes + settings.target_bytes, settings
    )
    if model.context_length is not None:
        passages = [passage[-model.context_length :] for passage in passages]
    context_length = len(passages[0]) - settings.target_bytes
    whole_bits = None
    for kind in ("truncate", *settings.perturbations):
        began = time.perf_counter()
        distances = settings.truncations if kind == "truncate" else settings.distances
        use = context_use(
            model,
            passages,
            kind,
            [distance for distance in distances if distance < context_length],
            np.random.default_rng(settings.seed),
            settings.target_bytes,
            replacement=_other_text(text_set),
            whole_bits=whole_bits,
            batch_size=settings.batch_size,
        )
        whole_bits = use.whole_bits
        record.add(
            "context", text_set, time.perf_counter() - began, **_context_numbers(use)
        )


def measure_recall(model, text_set, settings, record):
    """Numbers found again among others, by length and depth."""
    for kind in settings.recall_kinds:
        began = time.perf_counter()
        examples = recall_examples(
            kind,
            text_set.texts,
            settings.recall_lengths,
            settings.recall_depths,
            settings.recall_repeats,
            np.random.default_rng(settings.seed),
            num_alternatives=settings.alternatives,
        )
        is_right = recall_by_likelihood(model, examples, batch_size=settings.batch_size)
        record.add(
            "recall",
            text_set,
            time.perf_counter() - began,
            kind=kind,
            protocol="the right number is likelier than each alternative",
            scores=[
                dataclasses.asdict(score) for score in score_recall(examples, is_right)
            ],
        )


TASKS = {
    "bits": measure_bits,
    "positions": measure_positions,
    "context": measure_context,
    "recall": measure_recall,
}


def _passages(text_set, length, settings):
    rng = np.random.default_rng(settings.seed)
    return draw_passages(text_set.texts, length, settings.passages, rng)


def _other_text(text_set):
    # Of the last text: for most places another book.
    return text_set.texts[-1]


def _context_numbers(use):
    numbers = {
        "perturbation": use.perturbation,
        "context_length": use.context_length,
        "target_length": use.target_length,
        "places": len(use.whole_bits),
        "whole_bits_per_byte": round(float(use.whole_bits.mean()), 4),
        "changes": [
            {"distance": distance, **_rounded(change)}
            for distance, change in zip(use.distances, use.changes(), strict=True)
        ],
    }
    if use.perturbation == "truncate":
        numbers["effective_context_length"] = effective_context_length(use)
        # For comparing models per position.
        numbers["bits_by_place"] = [
            [round(float(value), 3) for value in row]
            for row in (*use.bits, use.whole_bits)
        ]
    return numbers


def _rounded(estimate):
    return {
        name: round(value, 4) for name, value in dataclasses.asdict(estimate).items()
    }
