"""The most probable next characters, by following their bytes."""

import heapq

import numpy as np

from longkeras.serving.byte_tokens import (
    allowed_next_bytes,
    byte_token,
    character_length,
    next_byte_probabilities,
)
from longkeras.serving.context_reader import as_numpy

_MOST_STEPS = 64


class CharacterSearch:
    """Finds the most probable characters after a context.

    The probability of a character is the product over its bytes, so that of its
    beginning is a bound from above. Beginnings are followed from the most probable
    down, until none is left that could beat the characters found: the result is
    exact, unless the distribution is so flat that the search is cut short.

    Every beginning keeps the state after it, so that each costs one step. A step of
    many rows would be another program to compile, which takes far longer.

    Args:
        model: `SharedModel`.
        state: The model's state after the context, of one row.
        logits: float array of shape `(vocabulary_size,)`. The prediction there.
    """

    def __init__(self, model, state, logits):
        self._model = model
        self._states = {b"": state}
        self._next_bytes = {b"": next_byte_probabilities(logits)}

    def most_probable(self, top_k):
        """Find the most probable characters.

        Args:
            top_k: int. How many.

        Returns:
            list of (character, probability), the most probable first.
        """
        best: list = []  # a heap: the least probable of the best comes first
        beginnings = [(-1.0, b"")]
        steps_left = _MOST_STEPS
        while beginnings and steps_left:
            probability, beginning = heapq.heappop(beginnings)
            if len(best) == top_k and -probability <= best[0][0]:
                break
            steps_left -= beginning not in self._next_bytes
            next_bytes = -probability * self._after(beginning)
            for byte in np.flatnonzero(allowed_next_bytes(beginning)):
                longer = beginning + bytes([byte])
                if len(longer) < character_length(longer[0]):
                    heapq.heappush(beginnings, (-next_bytes[byte], longer))
                elif len(best) < top_k:
                    heapq.heappush(best, (next_bytes[byte], longer))
                else:
                    heapq.heappushpop(best, (next_bytes[byte], longer))
        return [
            (character.decode(), float(probability))
            for probability, character in sorted(best, reverse=True)
        ]

    def probability(self, character):
        """Return the probability of one character.

        Args:
            character: str.

        Returns:
            float.
        """
        data = character.encode()
        factors = [
            self._after(data[:length])[data[length]] for length in range(len(data))
        ]
        return float(np.prod(factors))

    def _after(self, beginning):
        """Return the probabilities of the byte after a beginning, `(256,)`."""
        if beginning not in self._next_bytes:
            self._after(beginning[:-1])
            token_ids = np.array([byte_token(beginning[-1])], dtype="int32")
            logits, _, state = self._model.compiled_step(
                token_ids, self._states[beginning[:-1]]
            )
            self._states[beginning] = state
            self._next_bytes[beginning] = next_byte_probabilities(as_numpy(logits)[0])
        return self._next_bytes[beginning]
