"""Search for a pass key in a long text, by a small encoder."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longkeras.evaluation.language_models.recall_examples import (
    RecallExample,
    answer_positions,
    num_decoys_for,
    prompt_ids,
    question_start,
    recall_examples,
)
from longkeras.persistence import load_model
from longkeras.serving.limits import LARGEST_SEED, InputError

KEY_LENGTHS = (1_024, 4_096, 16_384)
"""Lengths of the texts to choose from, in bytes."""
# The question, and what is left of a block.
_BESIDE = 64


@dataclass(frozen=True)
class FoundKey:
    """The key that the encoder read in a text.

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
        """str, the likeliest digit at each place."""
        return "".join(str(digit) for digit in self.probabilities.argmax(axis=1))

    @property
    def is_right(self):
        """bool, whether every digit is the key's."""
        return self.digits == self.example.answer


class KeyFinder:
    """Hides a key in a text and asks the encoder for it.

    The encoder is loaded when it is first asked, and read by one at a time.

    Args:
        folder: path. The encoder's preset, `saved_models/passkey-encoder`.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._lock = threading.Lock()
        self._model = None
        self._parameters = 0
        self._compiled = set()

    @property
    def is_there(self):
        """bool, whether the folder holds an encoder."""
        return (self.folder / "config.json").is_file()

    def find(self, text, length, depth, seed):
        """Hide a key, drawn by a seed, and look for it.

        Args:
            text: str. A passage of it is drawn by the seed.
            length: int. One of `KEY_LENGTHS`.
            depth: float. Where the key stands: 0 at the beginning, 1 at the end.
            seed: int of at least 0. Of passage, numbers and decoys.

        Returns:
            `FoundKey`.

        Raises:
            InputError: (a `ValueError`) a number is out of its range.
            CheckpointError: (a `ValueError`) the encoder cannot be loaded.
        """
        example = hidden_key(text, length, depth, seed)
        with self._lock:
            model = self._loaded()
            inputs = _inputs(example, length)
            if length not in self._compiled:
                model.predict(inputs, verbose=0)
                self._compiled.add(length)
            started = time.perf_counter()
            logits = model.predict(inputs, verbose=0)[0]
            seconds = time.perf_counter() - started
        positions = answer_positions(example, len(prompt_ids(example)))
        return FoundKey(example, _softmax(logits[positions]), seconds, self._parameters)

    def _loaded(self):
        if self._model is None:
            model = load_model(self.folder)
            self._parameters = model.count_params()
            self._model = model.extend_positions(max(KEY_LENGTHS) + _BESIDE)
        return self._model


def hidden_key(text, length, depth, seed):
    """A text with a key, and as many other numbers as its length is tested with.

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
    _check("length", length, min(KEY_LENGTHS), max(KEY_LENGTHS))
    _check("depth", depth, 0, 1)
    _check("seed", seed, 0, LARGEST_SEED)
    rng = np.random.default_rng(int(seed))
    decoys = num_decoys_for(length)
    (example,) = recall_examples(
        "passkey", [text], [length], [depth], 1, rng, num_decoys=decoys
    )
    return example


def _check(what, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        value = float("nan")
    if not low <= value <= high:
        raise InputError("out_of_range", what=what, low=low, high=high, received=value)


def _inputs(example, length):
    ids = prompt_ids(example)
    start = question_start(example, len(ids))
    token_ids, padding_mask, is_global = np.zeros((3, 1, length + _BESIDE), "int32")
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
