"""Models of a few lines with the decode contract, whose bits are known."""

import numpy as np

VOCABULARY_SIZE = 259


class CountingModel:
    """Expects each id as often as it has read it since the state was empty.

    Its prediction depends on everything in its context, so a wrong context, a
    lost state or a padded position that is not skipped changes the bits.
    """

    def __init__(self, context_length=None):
        self.context_length = context_length
        self.shapes = set()
        self.calls = 0

    def initial_state(self, batch_size, max_length=None):
        if self.context_length is not None and max_length is None:
            raise ValueError("`max_length` is needed")
        room = np.inf if max_length is None else max_length
        counts = np.zeros((batch_size, VOCABULARY_SIZE))
        return {"counts": counts, "room": np.full(batch_size, room)}

    def compiled_prefill(self, token_ids, padding_mask, state):
        assert token_ids.dtype == np.int32
        assert padding_mask.dtype == bool
        self.shapes.add(token_ids.shape)
        self.calls += 1
        counts, room = state["counts"].copy(), state["room"].copy()
        logits = np.full((*token_ids.shape, VOCABULARY_SIZE), np.nan, np.float32)
        for row, place in zip(*np.nonzero(padding_mask), strict=True):
            counts[row, token_ids[row, place]] += 1
            room[row] -= 1
            assert room[row] >= 0, "more ids than the state has room for"
            logits[row, place] = np.log1p(counts[row])
        return logits, None, {"counts": counts, "room": room}


class BigramModel:
    """Expects an id by the one before it, from a fixed random table."""

    context_length = None

    def __init__(self):
        shape = (VOCABULARY_SIZE, VOCABULARY_SIZE)
        self.table = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def initial_state(self, batch_size, max_length=None):
        return {}

    def compiled_prefill(self, token_ids, padding_mask, state):
        return self.table[token_ids], None, state

    def compiled_step(self, token_ids, state):
        return self.table[token_ids], None, state


class CopyingModel:
    """Expects what followed the last time that it read the same bytes.

    Args:
        memory: int. Ids that it looks back to.
        num_same: int. How many ids have to be the same.
    """

    context_length = None

    def __init__(self, memory=10_000, num_same=12):
        self.memory, self.num_same = memory, num_same

    def initial_state(self, batch_size, max_length=None):
        return [b""] * batch_size

    def compiled_prefill(self, token_ids, padding_mask, state):
        logits = np.zeros((*token_ids.shape, VOCABULARY_SIZE), np.float32)
        state = list(state)
        for row, place in zip(*np.nonzero(padding_mask), strict=True):
            token_id = int(token_ids[row, place])
            byte = bytes([token_id - 3] if token_id >= 3 else [])
            state[row] = (state[row] + byte)[-self.memory :]
            following = self._following(state[row])
            if following is not None:
                logits[row, place, following + 3] = 10
        return logits, None, state

    def _following(self, read):
        if not read:
            return None
        before = read.rfind(read[-self.num_same :], 0, len(read) - 1)
        return read[before + self.num_same] if before >= 0 else None


def counting_bits(context, target):
    """Bits of the counting model for one target after a context of ids."""
    counts = np.bincount(context, minlength=VOCABULARY_SIZE)
    return np.log2((1 + counts).sum() / (1 + counts[target]))
