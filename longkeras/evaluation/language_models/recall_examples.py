"""Recall examples: long texts with a hidden number, and a question about it."""

from dataclasses import dataclass

import numpy as np

from longkeras.evaluation.language_models.passages import (
    character_start,
    draw_passages,
)
from longkeras.text.byte_vocabulary import byte_ids

RECALL_KINDS = ("passkey", "key_value")
_MAX_PAIRS = 24
_NAMES = (
    "Abel Basil Clara Dinah Edgar Fanny Gilbert Harriet Isaac Julia Keith Lydia "
    "Martin Nancy Oscar Phoebe Quentin Rachel Silas Teresa Ursula Victor Walter Yvonne"
)
# Other things that may have a number; some share a word with the pass key.
DECOYS = (
    "room number",
    "gate code",
    "trunk key",
    "pass number",
    "ticket price",
    "pass code",
    "safe key",
    "street number",
    "key weight",
    "regiment",
)
# Five different bytes of the question, at which an encoder classifies the digits.
ANSWER_BYTES = b" key?"


@dataclass(frozen=True)
class RecallExample:
    """A text with a hidden number, and a question about it.

    For a language model `context + question` is the prompt, and `answer` the correct
    continuation. For an encoder, `question`, `context`, `answer` and `answer_start` are
    an example of extractive question answering, and `labels` the targets of a
    classifier per digit; the question's tokens are global.

    Args:
        context: str. Real text with the statement somewhere inside.
        question: str. The question, which a language model continues.
        answer: str. Digits.
        answer_start: int. Character of `context` at which the answer begins.
        alternatives: tuple of str. Other numbers with as many digits; those of
            `"key_value"` begin with the other statements'.
        length: int. Requested bytes of the context, which may have up to three fewer
            where a character would be cut.
        depth: float. Position of the statement: 0 at the beginning, 1 at the end.
        distance: int. Bytes from the answer in the context to the end of the prompt.
    """

    context: str
    question: str
    answer: str
    answer_start: int
    alternatives: tuple[str, ...]
    length: int
    depth: float
    distance: int

    @property
    def labels(self):
        """tuple of int. The answer's digits, each one of ten classes."""
        return tuple(int(digit) for digit in self.answer)


def recall_examples(
    kind,
    texts,
    lengths,
    depths,
    repeats,
    rng,
    num_digits=5,
    num_alternatives=9,
    num_pairs=4,
    num_decoys=0,
    decoys=DECOYS,
):
    """Hide numbers in real text, at each length and depth.

    `"passkey"`: a statement repeats one number, and the question asks for it; decoys,
    anywhere in the text, state other numbers in the same words.
    `"key_value"`: `num_pairs` statements, spread over the text, assign a number to a
    name each; the question asks for one of them.

    Args:
        kind: str. `"passkey"` or `"key_value"`.
        texts: sequence of str. Books, from which a passage is drawn for each example.
        lengths: sequence of int. Bytes of the contexts.
        depths: sequence of float between 0 and 1.
        repeats: int. Examples of each length and depth.
        rng: `numpy.random.Generator`.
        num_digits: int. Digits of a number. Defaults to `5`.
        num_alternatives: int. Wrong numbers beside the right one. Defaults to `9`.
        num_pairs: int. Statements of `"key_value"`, at most 24. Defaults to `4`.
        num_decoys: int. Statements of `"passkey"` beside the right one. Defaults to
            `0`.
        decoys: sequence of str. The things that decoys give a number, drawn without
            repetition. Defaults to ten things such as `"room number"`.

    Returns:
        list of `RecallExample`.

    Raises:
        ValueError: For an unknown kind, depths outside 0 to 1, more pairs than names,
            more decoys than there are, decoys of `"key_value"`, more numbers than the
            digits allow, or a length that the statements alone exceed.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> books = ["So it was. " * 40]
    >>> (example,) = recall_examples("passkey", books, [200], [0.5], 1, rng)
    >>> start = example.answer_start
    >>> example.context[start : start + 5] == example.answer
    True
    """
    _check(kind, depths, num_pairs, num_digits, num_alternatives)
    _check_decoys(kind, num_decoys, decoys)
    count = 1 + num_decoys if kind == "passkey" else num_pairs
    examples = []
    for length in lengths:
        for depth in depths:
            fillers = draw_passages(texts, length, repeats, rng)
            for filler in fillers:
                numbers = _numbers(count + num_alternatives, num_digits, rng)
                names, others = _beside(kind, count, decoys, rng)
                # The one in the question comes first.
                statements = [
                    _statement(kind, name, number)
                    for name, number in zip(names, numbers, strict=False)
                ]
                context = _hide(filler, statements, [depth, *others])
                question = _question(kind, names[0])
                wrong = numbers[1 : 1 + num_alternatives]
                examples.append(
                    _example(context, question, numbers[0], wrong, length, depth)
                )
    return examples


def prompt_ids(example):
    """The ids of context and question, an int32 array `(bytes,)`."""
    return byte_ids(example.context + example.question).astype(np.int32)


def question_start(example, num_bytes):
    """The first byte of the question, of `num_bytes` counted from the end."""
    return num_bytes - len(example.question.encode())


def answer_positions(example, num_bytes):
    """The slice of `num_bytes` at which an encoder classifies a pass key's digits."""
    start = question_start(example, num_bytes)
    start += example.question.encode().index(ANSWER_BYTES)
    return slice(start, start + len(example.answer))


def num_decoys_for(length):
    """The number of decoys in a passkey text: none below 256 bytes."""
    return int(length >= 256) + length // 2048


def _check(kind, depths, num_pairs, num_digits, num_alternatives):
    if kind not in RECALL_KINDS:
        raise ValueError(f"`kind` must be one of {RECALL_KINDS}. Received: {kind!r}")
    if not all(0 <= depth <= 1 for depth in depths):
        raise ValueError(f"`depths` must lie between 0 and 1. Received: {depths}")
    if not 1 <= num_pairs <= _MAX_PAIRS:
        raise ValueError(
            f"`num_pairs` must lie between 1 and {_MAX_PAIRS}. Received: {num_pairs}"
        )
    if num_alternatives < 1 or num_pairs + num_alternatives > 9 * 10 ** (
        num_digits - 1
    ):
        raise ValueError(
            "`num_alternatives` must be at least 1, and there must be as many numbers "
            f"of so many digits. Received: num_alternatives={num_alternatives}, "
            f"num_digits={num_digits}"
        )


def _check_decoys(kind, num_decoys, decoys):
    most = len(decoys) if kind == "passkey" else 0
    if not 0 <= num_decoys <= most:
        raise ValueError(
            "`num_decoys` must lie between 0 and the number of `decoys`, and be 0 for "
            f"another kind than passkey. Received: kind={kind!r}, "
            f"num_decoys={num_decoys}, {len(decoys)} decoys"
        )


def _beside(kind, count, decoys, rng):
    """The subjects of all statements, and the depths of all but the first."""
    people = 1 if kind == "passkey" else count
    # Drawn for a pass key too, so that the examples of a seed do not change.
    names = rng.choice(_NAMES.split(), size=people, replace=False)
    if kind == "passkey":
        things = rng.choice(decoys, size=count - 1, replace=False) if count > 1 else ()
        return ["pass key", *things], rng.random(count - 1)
    return names, rng.permutation(count - 1) / max(1, count - 1)


def _numbers(count, num_digits, rng):
    """Different numbers of that many digits, none with a leading zero."""
    found: dict[str, None] = {}
    while len(found) < count:
        number = rng.integers(10 ** (num_digits - 1), 10**num_digits)
        found[str(number)] = None
    return list(found)


def _statement(kind, name, number):
    if kind == "passkey":
        return f" The {name} is {number}. Remember it: {number} is the {name}. "
    return f" The number of {name} is {number}. "


def _question(kind, name):
    if kind == "passkey":
        return " What is the pass key? The pass key is "
    return f" What is the number of {name}? The number of {name} is "


def _hide(filler, statements, depths):
    """The shortened filler with the statements at their depths."""
    added = sum(map(len, statements))
    if added > len(filler):
        raise ValueError(
            f"`lengths` must leave room for the statements, {added} bytes. "
            f"Received: {len(filler)}"
        )
    filler = filler[: character_start(filler, len(filler) - added)]
    places = [_between_words(filler, round(depth * len(filler))) for depth in depths]
    parts, last = [], 0
    for place, statement in sorted(zip(places, statements, strict=True)):
        parts += [filler[last:place].decode(), statement]
        last = place
    return "".join([*parts, filler[last:].decode()])


def _between_words(filler, place):
    """The end of a word at most 24 bytes before a place, or a character's start."""
    if place in (0, len(filler)):
        return place
    blank = filler.rfind(b" ", max(0, place - 24), place)
    return blank + 1 if blank >= 0 else character_start(filler, place)


def _example(context, question, answer, wrong, length, depth):
    start = context.rindex(answer)
    rest = context[start:].encode()
    return RecallExample(
        context=context,
        question=question,
        answer=answer,
        answer_start=start,
        alternatives=tuple(wrong),
        length=length,
        depth=float(depth),
        distance=len(rest) + len(question.encode()),
    )
