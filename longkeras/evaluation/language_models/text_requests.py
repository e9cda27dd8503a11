"""A model as text in, text out: the three requests of lm-evaluation-harness."""

from typing import Protocol, runtime_checkable

import keras
import numpy as np

from longkeras.evaluation.language_models.continuations import score_continuations
from longkeras.evaluation.language_models.greedy_options import check_greedy
from longkeras.evaluation.language_models.protocol import BATCH_SIZE, CHUNK_LENGTH
from longkeras.text.byte_vocabulary import (
    BYTE_OFFSET,
    END_TOKEN_ID,
    START_TOKEN_ID,
    byte_ids,
)

MAX_NEW_TOKENS = 256


@runtime_checkable
class TextModel(Protocol):
    """Requests of an evaluation harness, independent of the model's tokens.

    Names and meanings are those of lm-evaluation-harness; log-likelihoods are natural
    logarithms.

    Example:

    >>> class Silent:
    ...     def loglikelihood(self, requests):
    ...         return [(0.0, True) for _ in requests]
    ...     def loglikelihood_rolling(self, requests):
    ...         return [0.0 for _ in requests]
    ...     def generate_until(self, requests):
    ...         return ["" for _ in requests]
    >>> isinstance(Silent(), TextModel)
    True

    Reference:
        [lm-evaluation-harness](https://github.com/EleutherAI/lm-evaluation-harness)
    """

    def loglikelihood(self, requests):
        """Log-probability of each continuation, and whether greedy choice gives it.

        Args:
            requests: list of `(context, continuation)`.

        Returns:
            list of `(float, bool)`.
        """

    def loglikelihood_rolling(self, requests):
        """Log-probability of each whole text.

        Args:
            requests: list of str.

        Returns:
            list of float.
        """

    def generate_until(self, requests):
        """Continue each context until a stop string.

        Args:
            requests: list of `(context, options)`; of the options `until`, a str or a
                list, and `max_gen_toks` are followed.

        Returns:
            list of str, the continuations before the stop string.
        """


class ByteTextModel:
    """A byte-level model of the decode contract as a `TextModel`.

    Every text is read from a start token. A model with a limited context reads the end
    of the context that fits, and a longer continuation in strides of half its length.

    Args:
        model: a model with the decode contract (`initial_state`, `compiled_prefill`,
            `compiled_step`, `context_length`).
        chunk_length: int. Ids a call of the model. Defaults to `1024`.
        batch_size: int. Requests read side by side. Defaults to `8`.

    Example:

    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> ByteTextModel(Uniform()).loglikelihood_rolling(["Call me Ishmael."])
    [-88.722...]
    """

    def __init__(self, model, chunk_length=CHUNK_LENGTH, batch_size=BATCH_SIZE):
        self.model = model
        limit = model.context_length
        self.chunk_length = chunk_length if limit is None else min(chunk_length, limit)
        self.batch_size = batch_size

    def loglikelihood(self, requests):
        """See `TextModel.loglikelihood`."""
        return self._scores(
            [
                (byte_ids(context + continuation), len(context.encode()))
                for context, continuation in requests
            ]
        )

    def loglikelihood_rolling(self, requests):
        """See `TextModel.loglikelihood_rolling`; read by the default protocol."""
        return [
            total for total, _ in self._scores([(byte_ids(x), 0) for x in requests])
        ]

    def generate_until(self, requests):
        """See `TextModel.generate_until`; the likeliest byte each time."""
        return [self._generate(context, **options) for context, options in requests]

    def _scores(self, texts):
        return score_continuations(
            self.model, texts, START_TOKEN_ID, self.chunk_length, self.batch_size
        )

    def _generate(self, context, until=(), max_gen_toks=MAX_NEW_TOKENS, **options):
        check_greedy(options)
        stops = [until] if isinstance(until, str) else list(until or ())
        ids = np.concatenate([[START_TOKEN_ID], byte_ids(context)]).astype(np.int32)
        limit = self.model.context_length
        if limit is not None:
            max_gen_toks = min(max_gen_toks, limit - 1)
            ids = ids[-(limit - max_gen_toks) :]
        logits, state = self._read(ids)
        written = bytearray()
        for _ in range(max_gen_toks):
            token_id = _likeliest_byte(logits)
            if token_id == END_TOKEN_ID:
                break
            written.append(token_id - BYTE_OFFSET)
            if any(stop.encode() in written for stop in stops):
                break
            logits, _, state = self.model.compiled_step(
                np.array([token_id], dtype=np.int32), state
            )
            logits = keras.ops.convert_to_numpy(logits)[0]
        return cut_at_stop(written.decode("utf-8", "replace"), stops)

    def _read(self, ids):
        state = self.model.initial_state(1, max_length=self.model.context_length)
        for first in range(0, len(ids), self.chunk_length):
            part = ids[first : first + self.chunk_length]
            token_ids = np.zeros((1, self.chunk_length), dtype=np.int32)
            token_ids[0, : len(part)] = part
            mask = np.arange(self.chunk_length)[None] < len(part)
            logits, _, state = self.model.compiled_prefill(token_ids, mask, state)
        return keras.ops.convert_to_numpy(logits)[0, len(part) - 1], state


def cut_at_stop(text, stops):
    """What stands before the first of some stop strings.

    Args:
        text: str.
        stops: list of str.

    Returns:
        str.
    """
    places = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(places)] if places else text


def _likeliest_byte(logits):
    # Padding and start are no text, nor are ids behind the last byte.
    return END_TOKEN_ID + int(np.argmax(logits[END_TOKEN_ID : BYTE_OFFSET + 256]))
