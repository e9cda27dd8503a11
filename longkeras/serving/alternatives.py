"""The most probable next characters, by following their bytes."""

import numpy as np

from longkeras.serving.context_reader import as_numpy, padded_rows
from longkeras.serving.sampling import next_byte_probabilities
from longkeras.serving.utf8 import allowed_next_bytes, character_length
from longkeras.text.byte_vocabulary import BYTE_OFFSET, byte_ids

ROWS = 16
"""Beginnings of characters that are followed in one call of the model."""

LONGEST_BEGINNING = 3
"""Bytes of a character before its last one: a character has four at most."""

_MOST_CALLS = 12


class CharacterSearch:
    """Finds the most probable characters after a context.

    The probability of a character is the product over its bytes, so that of its
    beginning is a bound from above. Beginnings are followed from the most probable
    down, until none is left that could beat the characters found: the result is
    exact, unless the distribution is so flat that the search is cut short.

    Args:
        model: `SharedModel`.
        state: The model's state after the context, of one row.
        logits: float array of shape `(vocabulary_size,)`. The prediction there.
    """

    def __init__(self, model, state, logits):
        self._model = model
        self._state = model.repeat_rows(state, ROWS)
        self._next_bytes = {b"": next_byte_probabilities(logits)}

    def run(self, top_k, actual):
        """Find the most probable characters.

        Args:
            top_k: int. How many.
            actual: bytes. A character whose probability is wanted in any case.

        Returns:
            Tuple of a list of (character, probability), the most probable first,
            and the probability of the actual one.
        """
        found = {}
        beginnings = {b"": 1.0}
        wanted = [actual[:length] for length in range(1, len(actual))]
        self._lengthen(beginnings, found)
        for _ in range(_MOST_CALLS):
            chosen = _worth_following(beginnings, found, top_k)
            if not chosen and not wanted:
                break
            self._call(list(dict.fromkeys([*wanted, *chosen]))[:ROWS])
            self._lengthen(beginnings, found)
            wanted = []
        best = sorted(found.items(), key=lambda item: -item[1])[:top_k]
        characters = [(data.decode(), probability) for data, probability in best]
        return characters, self._probability(actual)

    def _lengthen(self, beginnings, found):
        """Replace the beginnings whose next bytes are known by what they lead to."""
        for data in [data for data in beginnings if data in self._next_bytes]:
            next_bytes = beginnings.pop(data) * self._next_bytes[data]
            for byte in np.flatnonzero(allowed_next_bytes(data)):
                longer = data + bytes([byte])
                is_whole = len(longer) == character_length(longer[0])
                target = found if is_whole else beginnings
                target[longer] = float(next_bytes[byte])

    def _call(self, beginnings):
        rows = [byte_ids(data) for data in beginnings]
        rows += [rows[0]] * (ROWS - len(rows))
        token_ids, mask = padded_rows(rows, LONGEST_BEGINNING)
        logits, _, _ = self._model.compiled_prefill(token_ids, mask, self._state)
        probabilities = next_byte_probabilities(as_numpy(logits))
        for row, data in enumerate(beginnings):
            self._next_bytes[data] = probabilities[row, len(data) - 1]

    def _probability(self, character):
        factors = [
            self._next_bytes[character[:length]][character[length]]
            for length in range(len(character))
        ]
        return float(np.prod(factors))


def prepare_search(model):
    """Compile the call that a `CharacterSearch` makes, unless that was done before.

    Args:
        model: `SharedModel`.

    Returns:
        float: the seconds it took.
    """

    def call():
        state = model.initial_state(1, max_length=model.context_length)
        rows = padded_rows([[BYTE_OFFSET]] * ROWS, LONGEST_BEGINNING)
        model.compiled_prefill(*rows, model.repeat_rows(state, ROWS))

    return model.prepare("search", call)


def _worth_following(beginnings, found, top_k):
    """Return the most probable beginnings that may lead to one of the best."""
    best = sorted(found.values(), reverse=True)[:top_k]
    bound = best[-1] if len(best) == top_k else 0.0
    chosen = [data for data in beginnings if beginnings[data] > bound]
    return sorted(chosen, key=beginnings.get, reverse=True)[:ROWS]
