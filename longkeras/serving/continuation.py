"""Continuations of a text by several models, side by side."""

import functools
import time
from dataclasses import dataclass

import numpy as np

from longkeras.serving.byte_tokens import (
    allowed_tokens,
    byte_of,
    character_length,
)
from longkeras.serving.context_reader import (
    context_ids,
    prepare_prefill,
    prepare_step,
)
from longkeras.serving.limits import (
    LARGEST_SEED,
    MAX_CONTINUE_BYTES,
    MAX_PROMPT_BYTES,
    check_number,
    check_text,
)
from longkeras.serving.sampling import draw_token
from longkeras.serving.shared_model import SharedModel


@dataclass(frozen=True)
class Continuation:
    """The text that one model has written so far.

    Args:
        name: str. The model.
        text: str. Whole characters only; the prompt is not part of it.
        bytes_written: int.
        prompt_bytes: int. Bytes of the prompt that the model was given.
        prompt_bytes_dropped: int. Bytes at the beginning of the prompt that were
            left out, for a model with a limited context.
        prompt_seconds: float. Time of reading the prompt.
        seconds: float. Time of writing, this model alone.
        stop_reason: str. `""` while it writes, then `"length"`, `"end"` (the model
            ended its text) or `"stopped"` (`stop_event` was set).
    """

    name: str
    text: str
    bytes_written: int
    prompt_bytes: int
    prompt_bytes_dropped: int
    prompt_seconds: float
    seconds: float
    stop_reason: str

    @property
    def bytes_per_second(self):
        """Speed of writing; a byte is a token."""
        return self.bytes_written / max(self.seconds, 1e-9)


def continue_text(
    models,
    prompt,
    *,
    max_bytes=400,
    temperature=0.8,
    top_p=0.95,
    seed=0,
    stop_event=None,
    every_seconds=0.1,
):
    """Let several models continue a text, in turns of one byte.

    A model's text depends on the prompt, the settings and the seed, not on the other
    models. Only valid UTF-8 is written. A long prompt is read in chunks. A model with a
    limited context is given the end of the prompt; when its context is full, it reads
    the last half of it again.

    Args:
        models: dict of str to `SharedModel` or a model with the decode contract.
        prompt: str. The text to continue; only the last `MAX_PROMPT_BYTES` are read.
        max_bytes: int. Most bytes that each model writes.
        temperature: float. 0 always takes the most probable byte.
        top_p: float. Bytes are drawn from the smallest set with this probability.
        seed: int. Equal seeds give equal texts.
        stop_event: `threading.Event` or None. Stops before the next step when set.
        every_seconds: float. Least time between two values yielded.

    Yields:
        dict of str to `Continuation`: all models, including those that have not
        begun. In the last one, each has a `stop_reason`.

    Raises:
        InputError: (a `ValueError`) when the prompt or a setting is wrong.
    """
    data = check_text(prompt).text.encode()
    check_number("max_bytes", max_bytes, 1, MAX_CONTINUE_BYTES)
    check_number("temperature", temperature, 0, 2)
    check_number("top_p", top_p, 0.01, 1)
    check_number("seed", seed, 0, LARGEST_SEED)
    writers = [
        _Writer(
            SharedModel.of(model, name),
            name,
            data,
            max_bytes=int(max_bytes),
            temperature=temperature,
            top_p=top_p,
            seed=int(seed),
        )
        for name, model in models.items()
    ]
    last = -float("inf")
    for _ in _in_turns(writers, stop_event):
        now = time.perf_counter()
        if now - last >= every_seconds:
            last = now
            yield {writer.name: writer.continuation() for writer in writers}
    yield {writer.name: writer.continuation() for writer in writers}


def _in_turns(writers, stop_event):
    """Let the writers make one call each in turn until all have finished."""
    at_work = {writer: writer.calls() for writer in writers}
    while at_work:
        for writer, calls in list(at_work.items()):
            if stop_event is not None and stop_event.is_set():
                for stopped in at_work:
                    stopped.stop_reason = "stopped"
                return
            started = time.perf_counter()
            is_finished = next(calls, calls) is calls
            writer.count(time.perf_counter() - started)
            if is_finished:
                del at_work[writer]
            yield


class _Writer:
    """One model at work on one continuation."""

    def __init__(self, model, name, data, *, max_bytes, temperature, top_p, seed):
        self.name = name
        self.stop_reason = ""
        self._model = model
        self._data = data
        self._max_bytes = max_bytes
        self._draw = functools.partial(
            draw_token,
            temperature=temperature,
            top_p=top_p,
            generator=np.random.default_rng(seed),
        )
        self._written = bytearray()
        self._unfinished = b""  # the bytes of a character so far
        self._prompt_bytes = 0
        self._stage = "compiling"
        self._seconds = {"compiling": 0.0, "prompt": 0.0, "writing": 0.0}

    def count(self, seconds):
        """Add the time of a call to the current stage."""
        self._seconds[self._stage] += seconds

    def continuation(self):
        """Return the text written so far."""
        whole = len(self._written) - len(self._unfinished)
        return Continuation(
            name=self.name,
            text=self._written[:whole].decode(),
            bytes_written=len(self._written),
            prompt_bytes=self._prompt_bytes,
            prompt_bytes_dropped=len(self._data) - self._prompt_bytes,
            prompt_seconds=self._seconds["prompt"],
            seconds=self._seconds["writing"],
            stop_reason=self.stop_reason,
        )

    def calls(self):
        """Read and write, and yield after each call of the model."""
        # Importing keras takes seconds, so it is imported only when a model is used.
        from longkeras.text.token_loop import HostChoice, Prompts, token_calls

        prepare_prefill(self._model)
        yield
        prepare_step(self._model)
        yield
        self._stage = "prompt"
        ids = context_ids(self._model, self._data, most_bytes=MAX_PROMPT_BYTES)
        self._prompt_bytes = min(len(ids), len(self._data))
        for token_ids in token_calls(
            self._model,
            Prompts.of(ids[None]),
            HostChoice(self._model, self._draw, self._allowed),
            # Use the program that is compiled for reading documents.
            chunk_length=self._model.chunk_tokens,
        ):
            if token_ids is not None:
                self._stage = "writing"
                self._write(int(token_ids[0, 0]))
            yield
            if self.stop_reason:
                return

    def _allowed(self, vocabulary_size):
        room = self._max_bytes - len(self._written)
        return allowed_tokens(vocabulary_size, self._unfinished, room)

    def _write(self, token_id):
        byte = byte_of(token_id)
        if byte is None:
            self.stop_reason = "end"
            return
        self._unfinished += byte
        self._written += byte
        if len(self._unfinished) == character_length(self._unfinished[0]):
            self._unfinished = b""
        if len(self._written) == self._max_bytes:
            self.stop_reason = "length"
