"""Recall of numbers that occur far back in a text."""

from dataclasses import dataclass

import numpy as np

from longkeras.evaluation.language_models.protocol import BATCH_SIZE, CHUNK_LENGTH
from longkeras.evaluation.language_models.text_reader import target_bits


@dataclass(frozen=True)
class RecallScore:
    """Accuracy on the examples of one length and depth.

    Args:
        length: int. Bytes of the contexts.
        depth: float. Relative position of the statement.
        distance: int. Mean number of bytes from the statement to the answer.
        count: int. Examples.
        accuracy: float. Share of right answers.
        standard_error: float. Of the accuracy.
        chance: float. Accuracy of a guess.
    """

    length: int
    depth: float
    distance: int
    count: int
    accuracy: float
    standard_error: float
    chance: float


def recall_by_likelihood(
    model, examples, chunk_length=CHUNK_LENGTH, batch_size=BATCH_SIZE
):
    """Test whether the right number is more probable than every alternative.

    A model with a limited context reads the end of the prompt that fits.

    Args:
        model: a model with the decode contract; see `bits_per_byte`.
        examples: sequence of `RecallExample`.
        chunk_length: See `bits_per_byte`.
        batch_size: See `bits_per_byte`.

    Returns:
        bool array of shape (examples,). A tie is wrong.

    Raises:
        ValueError: If there are no examples.

    Example:

    >>> from longkeras.evaluation import recall_examples
    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> rng = np.random.default_rng(0)
    >>> books = ["So it was. " * 40]
    >>> examples = recall_examples("passkey", books, [200], [0.5], 2, rng)
    >>> recall_by_likelihood(Uniform(), examples).tolist()
    [False, False]
    """
    if not examples:
        raise ValueError("`examples` must hold at least one. Received: none")
    contexts, answers = [], []
    for example in examples:
        prompt = (example.context + example.question).encode()
        if model.context_length is not None:
            # The last byte of the answer is predicted, never read.
            room = model.context_length + 1 - len(example.answer)
            prompt = prompt[-room:]
        for number in (example.answer, *example.alternatives):
            contexts.append(prompt)
            answers.append(number.encode())
    bits = target_bits(model, contexts, answers, chunk_length, batch_size)
    bits = bits.reshape(len(examples), -1)
    return bits[:, 0] < bits[:, 1:].min(axis=1)


def recall_by_generation(text_model, examples):
    """Test whether the model generates the right number.

    Args:
        text_model: an object with `generate_until`, such as `ByteTextModel`.
        examples: sequence of `RecallExample`.

    Returns:
        bool array of shape (examples,). True where the generated text, without leading
        white space, begins with the answer.

    Example:

    >>> from longkeras.evaluation import recall_examples
    >>> class Parrot:
    ...     def generate_until(self, requests):
    ...         return [" 12345."] * len(requests)
    >>> rng = np.random.default_rng(0)
    >>> books = ["So it was. " * 40]
    >>> examples = recall_examples("passkey", books, [200], [0.5], 2, rng)
    >>> recall_by_generation(Parrot(), examples).tolist()
    [False, False]
    """
    requests = [
        (
            example.context + example.question,
            {"max_gen_toks": 2 * len(example.answer), "until": ["\n"]},
        )
        for example in examples
    ]
    answers = text_model.generate_until(requests)
    return np.array(
        [
            answer.lstrip().startswith(example.answer)
            for answer, example in zip(answers, examples, strict=True)
        ]
    )


def score_recall(examples, is_right, chance=None):
    """Count right answers by length and depth.

    Args:
        examples: sequence of `RecallExample`.
        is_right: bool array of shape (examples,). For an encoder, whether its span or
            its classes are exactly the answer's.
        chance: float. Accuracy of a guess. Defaults to `None`: that of a guess among
            the right number and its alternatives.

    Returns:
        list of `RecallScore`, by length and then depth.

    Raises:
        ValueError: If there are no examples, or another number of answers.

    Example:

    >>> from longkeras.evaluation import recall_examples
    >>> rng = np.random.default_rng(0)
    >>> books = ["So it was. " * 40]
    >>> examples = recall_examples("passkey", books, [200], [0.5], 2, rng)
    >>> score_recall(examples, [True, False])[0].accuracy
    0.5
    """
    if not examples or len(examples) != len(is_right):
        raise ValueError(
            "`is_right` must hold an answer for each of at least one example. "
            f"Received: {len(is_right)} answers for {len(examples)} examples"
        )
    groups: dict[tuple[int, float], list[int]] = {}
    for number, example in enumerate(examples):
        groups.setdefault((example.length, example.depth), []).append(number)
    return [
        _score([examples[i] for i in group], [bool(is_right[i]) for i in group], chance)
        for _, group in sorted(groups.items())
    ]


def _score(examples, is_right, chance):
    count = len(examples)
    accuracy = float(np.mean(is_right))
    if chance is None:
        chance = 1 / (1 + len(examples[0].alternatives))
    return RecallScore(
        length=examples[0].length,
        depth=examples[0].depth,
        distance=round(float(np.mean([example.distance for example in examples]))),
        count=count,
        accuracy=accuracy,
        standard_error=float(np.sqrt(accuracy * (1 - accuracy) / count)),
        chance=float(chance),
    )
