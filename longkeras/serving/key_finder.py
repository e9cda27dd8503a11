"""Search for a pass key in a long text with a small encoder."""

import time
from dataclasses import dataclass

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.evaluation.language_models.recall_examples import (
    RecallExample,
    answer_positions,
    num_decoys_for,
    prompt_ids,
    question_start,
    recall_examples,
)
from longkeras.serving.limits import LARGEST_SEED, check_number

KEY_LENGTHS = (1_024, 4_096, 16_384)
"""Lengths of the texts to choose from, in bytes."""
# Room for the question, up to a whole block.
_QUESTION_ROOM = 64


@dataclass(frozen=True)
class FoundKey:
    """The key that an encoder found in a text.

    Args:
        example: `longkeras.evaluation.RecallExample`.
        probabilities: float array `(digits, 10)`.
        seconds: float. Time of reading, without compiling.
        parameters: int. Weights of the encoder, one period of positions counted.
    """

    example: RecallExample
    probabilities: np.ndarray
    seconds: float
    parameters: int

    @property
    def digits(self):
        """str, the most probable digits."""
        return "".join(str(digit) for digit in self.probabilities.argmax(axis=1))

    @property
    def is_right(self):
        """bool, whether all digits are right."""
        return self.digits == self.example.answer


class KeyFinder:
    """Hides a key in a text and asks an encoder for it.

    The encoder is the first model of the registry that has the capability
    `"key_search"`.

    Args:
        registry: `ModelRegistry`.
    """

    def __init__(self, registry):
        self._registry = registry

    @property
    def is_there(self):
        """bool, whether the registry has an encoder."""
        return bool(self._registry.names("key_search"))

    def find(self, text, length, depth, seed):
        """Hide a key, drawn by a seed, and look for it.

        Args:
            text: str. A passage of it is drawn by the seed.
            length: int. One of `KEY_LENGTHS`.
            depth: float. The key's position: 0 at the beginning, 1 at the end.
            seed: int of at least 0. Of passage, numbers and decoys.

        Returns:
            `FoundKey`.

        Raises:
            InputError: (a `ValueError`) a number is out of its range.
            CheckpointError: (a `ValueError`) the encoder cannot be loaded.
        """
        example = hidden_key(text, length, depth, seed)
        name, *_ = self._registry.names("key_search")
        model = self._registry.load(name)
        inputs = _inputs(example, length)
        model.prepare(("key_search", length), lambda: model.predict(inputs))
        started = time.perf_counter()
        logits = model.predict(inputs)[0]
        seconds = time.perf_counter() - started
        positions = answer_positions(example, len(prompt_ids(example)))
        parameters = self._registry.entry(name).parameters
        return FoundKey(example, _softmax(logits[positions]), seconds, parameters)


def with_long_positions(model, name):
    """Return an encoder that reads texts of all `KEY_LENGTHS`.

    Args:
        model: `longkeras.models.LongformerTokenClassifier` of the ten digits.
        name: str. The model's name in the manifest, for the message.

    Returns:
        A model with the same weights.

    Raises:
        CheckpointError: (a `ValueError`) the model is not of this kind.
    """
    num_classes = getattr(model, "num_classes", None)
    if num_classes != 10 or not hasattr(model, "extend_positions"):
        raise CheckpointError(
            f"The model {name!r} must be a `LongformerTokenClassifier` of 10 classes "
            f"to search for keys. Received: {type(model).__name__} of {num_classes} "
            "classes"
        )
    length = max(KEY_LENGTHS) + _QUESTION_ROOM
    if model.backbone.max_sequence_length >= length:
        return model
    return model.extend_positions(length)


def hidden_key(text, length, depth, seed):
    """Hide a key among as many other numbers as its length is tested with.

    Args:
        text: str. As of `KeyFinder.find`, like the others.
        length: int.
        depth: float.
        seed: int.

    Returns:
        `longkeras.evaluation.RecallExample`.

    Raises:
        InputError: (a `ValueError`) a number is out of its range.
    """
    check_number("length", length, min(KEY_LENGTHS), max(KEY_LENGTHS))
    check_number("depth", depth, 0, 1)
    check_number("seed", seed, 0, LARGEST_SEED)
    rng = np.random.default_rng(int(seed))
    decoys = num_decoys_for(length)
    (example,) = recall_examples(
        "passkey", [text], [length], [depth], 1, rng, num_decoys=decoys
    )
    return example


def _inputs(example, length):
    ids = prompt_ids(example)
    start = question_start(example, len(ids))
    token_ids, padding_mask, is_global = np.zeros(
        (3, 1, length + _QUESTION_ROOM), "int32"
    )
    token_ids[0, : len(ids)] = ids
    padding_mask[0, : len(ids)] = 1
    is_global[0, start : len(ids)] = 1
    return {
        "token_ids": token_ids,
        "padding_mask": padding_mask,
        "global_attention_mask": is_global,
    }


def _softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
