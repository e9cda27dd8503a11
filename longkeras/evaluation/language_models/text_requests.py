"""The three requests of lm-evaluation-harness, from text to text."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from longkeras.evaluation.language_models.protocol import (
    BATCH_SIZE,
    CHUNK_LENGTH,
    choose_protocol,
)
from longkeras.evaluation.language_models.text_reader import score_documents
from longkeras.text.byte_vocabulary import (
    BYTE_OFFSET,
    END_TOKEN_ID,
    START_TOKEN_ID,
    byte_ids,
)
from longkeras.text.token_loop import HostChoice, Prompts, token_calls

MAX_NEW_TOKENS = 256
# Values that mean greedy decoding.
_GREEDY = {"do_sample": (False,), "num_beams": (1,), "temperature": (0,)}
# Options of sampling, which have no effect with `do_sample=False`.
_OF_SAMPLING = ("temperature", "top_k", "top_p")


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


class GreedyRequests:
    """The requests of a `TextModel` that do not depend on its tokens.

    A subclass has `loglikelihood`, `_ids(text)`, `_scores(texts)`, with the results of
    `score_continuations`, and `_continuation(context, stops, max_new_tokens)`.
    """

    _ids: Callable[..., Any]
    _scores: Callable[..., Any]
    _continuation: Callable[..., Any]

    def loglikelihood_rolling(self, requests):
        """See `TextModel.loglikelihood_rolling`; read by the default protocol."""
        scores = self._scores([(self._ids(text), 0) for text in requests])
        return [total for total, _ in scores]

    def generate_until(self, requests):
        """See `TextModel.generate_until`."""
        return [self._generate(context, **options) for context, options in requests]

    def _generate(self, context, until=(), max_gen_toks=MAX_NEW_TOKENS, **options):
        check_greedy(options)
        stops = [until] if isinstance(until, str) else list(until or ())
        text = self._continuation(context, stops, max_gen_toks)
        places = [text.find(stop) for stop in stops if stop and stop in text]
        return text[: min(places)] if places else text


class ByteTextModel(GreedyRequests):
    """A byte-level model of the decode contract as a `TextModel`.

    Every text is read from a start token. A model with a limited context reads the end
    of a context that does not fit, and a long continuation in strides of half its
    length.

    Args:
        model: a model with the decode contract (`initial_state`, `compiled_prefill`,
            `compiled_step`, `context_length`).
        chunk_length: int. Ids per call of the model. Defaults to `1024`.
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

    def _ids(self, text):
        return byte_ids(text)

    def _scores(self, texts):
        return score_continuations(
            self.model, texts, START_TOKEN_ID, self.chunk_length, self.batch_size
        )

    def _continuation(self, context, stops, max_new_tokens):
        ids = np.concatenate([[START_TOKEN_ID], byte_ids(context)]).astype(np.int32)
        limit = self.model.context_length
        ids, num_tokens = fitting_request(ids, max_new_tokens, limit)
        calls = token_calls(
            self.model,
            Prompts.of(ids[None]),
            HostChoice(self.model, np.argmax, _bytes_and_end),
            chunk_length=self.chunk_length,
        )
        written = bytearray()
        while len(written) < num_tokens:
            token_ids = next(calls)
            if token_ids is None:  # a part of the context was read
                continue
            token_id = int(token_ids[0, 0])
            if token_id == END_TOKEN_ID:
                break
            written.append(token_id - BYTE_OFFSET)
            if any(stop.encode() in written for stop in stops):
                break
        return written.decode("utf-8", "replace")


def score_continuations(model, texts, first_id, chunk_length, batch_size):
    """Score the continuations in texts, pairs `(ids, num_context)`.

    The first `num_context` ids are not scored. Returns the natural logarithm of each
    continuation's probability, and whether each of its ids is the most probable one.

    Each text is read from the start token `first_id`, so that the probability of A
    times that of B after A is the probability of AB. If a text does not fit into the
    model, its end is read without a start token; a continuation that is too long by
    itself is read in strides of half the model's length.
    """
    totals = np.zeros(len(texts))
    is_greedy = np.ones(len(texts), dtype=bool)
    for piece in score_documents(
        model, texts, choose_protocol(model), chunk_length, batch_size, True, first_id
    ):
        ids, _ = texts[piece.document]
        targets = ids[piece.start : piece.start + len(piece.bits)]
        totals[piece.document] -= piece.bits.sum(dtype=np.float64) * np.log(2)
        is_right = piece.logits.argmax(axis=-1) == targets
        is_greedy[piece.document] &= bool(is_right.all())
    return list(zip(totals.tolist(), is_greedy.tolist(), strict=True))


def check_greedy(options):
    """Refuse options of `generate_until` that do not mean greedy decoding."""
    does_not_sample = options.get("do_sample") is False
    for name, value in options.items():
        has_no_effect = does_not_sample and name in _OF_SAMPLING
        if not has_no_effect and value not in _GREEDY.get(name, ()):
            raise ValueError(
                "`generate_until` writes the likeliest tokens: beside `until` and "
                "`max_gen_toks` it takes `do_sample=False`, `temperature=0` and "
                f"`num_beams=1`. Received: {name}={value!r}"
            )


def fitting_request(token_ids, max_new_tokens, context_length):
    """Truncate a context at its start, so that it and the continuation fit."""
    if context_length is None:
        return token_ids, max_new_tokens
    max_new_tokens = min(max_new_tokens, context_length - 1)
    return token_ids[-(context_length - max_new_tokens) :], max_new_tokens


def _bytes_and_end(vocabulary_size):
    # Not padding, start, and ids after the last byte.
    token_ids = np.arange(vocabulary_size)
    return (token_ids >= END_TOKEN_ID) & (token_ids < BYTE_OFFSET + 256)
