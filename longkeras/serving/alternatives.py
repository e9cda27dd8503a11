"""Search for the most probable next characters, byte by byte."""

import heapq

import numpy as np

from longkeras.serving.byte_tokens import (
    allowed_next_bytes,
    byte_token,
    character_length,
    next_byte_probabilities,
)
from longkeras.serving.context_reader import as_numpy

_MAX_STEPS = 64


class CharacterSearch:
    """Finds the most probable characters after a context.

    The probability of a character is the product over its bytes, so the probability of
    its first bytes is an upper bound. Prefixes are extended from the most probable down
    (best-first search) until none can beat the characters found. The result is exact,
    unless the distribution is so flat that the search reaches its limit of steps.

    The state after each prefix is kept, so that a prefix costs one step. Steps of
    several rows would need another compiled program, which takes far longer.

    Args:
        model: `SharedModel`.
        state: The model's state after the context, with a batch size of 1.
        logits: float array of shape `(vocabulary_size,)`. The prediction after the
            context.
    """

    def __init__(self, model, state, logits):
        self._model = model
        self._states = {b"": state}
        self._next_bytes = {b"": next_byte_probabilities(logits)}

    def most_probable(self, top_k):
        """Find the most probable characters.

        Args:
            top_k: int. Number of characters.

        Returns:
            list of (character, probability), the most probable first.
        """
        best: list = []  # a heap: the least probable of the best comes first
        prefixes = [(-1.0, b"")]
        steps_left = _MAX_STEPS
        while prefixes and steps_left:
            probability, prefix = heapq.heappop(prefixes)
            if len(best) == top_k and -probability <= best[0][0]:
                break
            steps_left -= prefix not in self._next_bytes
            next_bytes = -probability * self._after(prefix)
            for byte in np.flatnonzero(allowed_next_bytes(prefix)):
                longer = prefix + bytes([byte])
                if len(longer) < character_length(longer[0]):
                    heapq.heappush(prefixes, (-next_bytes[byte], longer))
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

    def _after(self, prefix):
        """Return the probabilities of the byte after a prefix, `(256,)`."""
        if prefix not in self._next_bytes:
            self._after(prefix[:-1])
            token_ids = np.array([byte_token(prefix[-1])], dtype="int32")
            logits, _, state = self._model.compiled_step(
                token_ids, self._states[prefix[:-1]]
            )
            self._states[prefix] = state
            self._next_bytes[prefix] = next_byte_probabilities(as_numpy(logits)[0])
        return self._next_bytes[prefix]
