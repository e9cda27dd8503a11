"""Tiny models with the decode contract, in NumPy: no training, no compilation.

Their logits depend on the last token and on a memory of the tokens before it, so
that a lost, doubled or reordered token changes every later prediction. Three kinds
of memory stand for the three families:

    FakeLSTM: a decaying sum over everything read; a text of any length.
    FakeWindowed: a weighted sum over the last tokens; a text of any length.
    FakeFull: a sum over all tokens so far, at most `context_length` of them.
"""

from types import SimpleNamespace

import numpy as np

VOCABULARY_SIZE = 259
HIDDEN_DIM = 6


class FakeModel:
    """What the kinds share; a kind says what its memory is and how it grows.

    Args:
        seed: int. Different seeds are different models.
        scale: float. How sure the model is.
    """

    context_length = None
    backbone = SimpleNamespace()

    def __init__(self, seed=0, scale=2.0):
        generator = np.random.default_rng(seed)
        self.name = f"{type(self).__name__}-{seed}"
        self.embedding = generator.normal(size=(VOCABULARY_SIZE, HIDDEN_DIM))
        self.pairs = generator.normal(size=(VOCABULARY_SIZE, VOCABULARY_SIZE)) * scale
        self.head = generator.normal(size=(HIDDEN_DIM, VOCABULARY_SIZE)) * scale / 4
        self.calls = []

    def count_params(self):
        return self.embedding.size + self.pairs.size + self.head.size

    def state_bytes(self, batch_size=1, max_length=None):
        state = self.initial_state(batch_size, max_length)
        return sum(array.nbytes for array in state.values())

    def compiled_prefill(self, token_ids, padding_mask, state):
        self.calls.append(("prefill", token_ids.shape))
        state = {key: np.asarray(value) for key, value in state.items()}
        batch, sequence = token_ids.shape
        logits = np.zeros((batch, sequence, VOCABULARY_SIZE), "float32")
        hidden = np.zeros((batch, sequence, HIDDEN_DIM), "float32")
        for index in range(sequence):
            real = padding_mask[:, index]
            answer, now, after = self._read(token_ids[:, index], state)
            logits[:, index] = np.where(real[:, None], answer, 0.0)
            hidden[:, index] = np.where(real[:, None], now, 0.0)
            state = {
                key: np.where(
                    real.reshape(-1, *[1] * (array.ndim - 1)), after[key], array
                )
                for key, array in state.items()
            }
        return logits, hidden, state

    def compiled_step(self, token_ids, state):
        self.calls.append(("step", token_ids.shape))
        state = {key: np.asarray(value) for key, value in state.items()}
        return self._read(token_ids, state)

    def _read(self, token_ids, state):
        memory, state = self._remember(self.embedding[token_ids], state)
        logits = self.pairs[token_ids] + np.tanh(memory) @ self.head
        return logits.astype("float32"), memory.astype("float32"), state


class FakeLSTM(FakeModel):
    def initial_state(self, batch_size, max_length=None):
        return {"memory": np.zeros((batch_size, HIDDEN_DIM))}

    def _remember(self, embedded, state):
        memory = 0.8 * state["memory"] + embedded
        return memory, {"memory": memory}


class FakeWindowed(FakeModel):
    receptive_field = 24
    # Two layers, each of which sees its own position and those before it.
    backbone = SimpleNamespace(
        num_layers=2, attention_window=[9, 16], attention_dilation=1
    )

    def initial_state(self, batch_size, max_length=None):
        return {"ring": np.zeros((batch_size, self.receptive_field, HIDDEN_DIM))}

    def _remember(self, embedded, state):
        ring = np.concatenate([state["ring"][:, 1:], embedded[:, None]], axis=1)
        weights = np.linspace(0.1, 1.0, self.receptive_field)[:, None]
        return (ring * weights).sum(axis=1), {"ring": ring}


class FakeFull(FakeModel):
    context_length = 64

    def initial_state(self, batch_size, max_length=None):
        if max_length is None:
            raise ValueError("`max_length` must be given. Received: max_length=None")
        return {
            "memory": np.zeros((batch_size, HIDDEN_DIM)),
            "used": np.zeros((batch_size,), "int32"),
            "cache": np.zeros((batch_size, max_length), "int32"),
        }

    def compiled_prefill(self, token_ids, padding_mask, state):
        answer = super().compiled_prefill(token_ids, padding_mask, state)
        self._check_room(answer[2])
        return answer

    def compiled_step(self, token_ids, state):
        answer = super().compiled_step(token_ids, state)
        self._check_room(answer[2])
        return answer

    def _check_room(self, state):
        if (state["used"] > state["cache"].shape[1]).any():
            raise ValueError("the cache is full")

    def _remember(self, embedded, state):
        memory = state["memory"] + embedded
        return memory, state | {"memory": memory, "used": state["used"] + 1}


def bits_one_by_one(model, data):
    """Bits of every byte, one step after the other: the truth for streaming."""
    state = model.initial_state(1)
    bits = []
    token_id = 1
    for byte in data:
        logits, _, state = model.compiled_step(np.array([token_id]), state)
        logits = logits[0].astype("float64")
        normaliser = np.log(np.exp(logits - logits.max()).sum()) + logits.max()
        bits.append((normaliser - logits[byte + 3]) / np.log(2))
        token_id = byte + 3
    return np.array(bits)
