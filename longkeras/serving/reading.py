"""Reading of a document: the bits of every byte."""

import time
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from longkeras.evaluation.language_models.protocol import (
    EvaluationProtocol,
    choose_protocol,
)
from longkeras.serving.characters import part_to_read
from longkeras.serving.context_reader import prepare_prefill
from longkeras.serving.limits import MAX_READ_BYTES, check_number, check_text
from longkeras.serving.shared_model import SharedModel
from longkeras.text.byte_vocabulary import character_byte_offsets

Protocol = EvaluationProtocol
"""The protocol of a `Reading`, under its public name in `longkeras.serving`."""


@dataclass(frozen=True)
class ReadingProgress:
    """Progress of a reading.

    Args:
        name: str. The model.
        stage: str. `"compiling"` (first use of a model; nothing is read yet) or
            `"reading"`.
        bytes_done: int.
        bytes_total: int.
        seconds: float. Time since the reading began, without compilation.
    """

    name: str
    stage: str
    bytes_done: int
    bytes_total: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Reading:
    """The bits of a document, read by one model.

    Args:
        name: str. The model.
        text: str. The part that was read.
        bits: float32 array of shape `(bytes_read,)`. Surprise at each byte.
        character_starts: int64 array of shape `(characters + 1,)`. Byte offset of
            each character, then `bytes_read`.
        protocol: `longkeras.evaluation.EvaluationProtocol`. How the text was read:
            `kind`, `context_length` (bytes per segment), `stride`, `context_bytes`.
        bytes_dropped: int. Bytes of the document after the part that was read.
        seconds: float. Time of reading, without loading and compilation.
        compile_seconds: float. Time of compilation; 0 if the model was compiled
            before.
        parameters: int. Weights of the model.
        state_bytes: int. Memory of the state carried while reading one document.
    """

    name: str
    text: str = field(repr=False)
    bits: np.ndarray = field(repr=False)
    character_starts: np.ndarray = field(repr=False)
    protocol: Protocol
    bytes_dropped: int
    seconds: float
    compile_seconds: float
    parameters: int
    state_bytes: int

    @property
    def bytes_read(self):
        """Number of bytes that were read."""
        return len(self.bits)

    @property
    def num_characters(self):
        """Number of characters that were read."""
        return len(self.character_starts) - 1

    @property
    def bits_per_byte(self):
        """Mean surprise over all bytes, in bits."""
        return float(self.bits.mean(dtype="float64"))

    @property
    def bytes_per_second(self):
        """Speed of reading; a byte is a token."""
        return self.bytes_read / max(self.seconds, 1e-9)

    @cached_property
    def character_bits(self):
        """Surprise at each character: the sum over its bytes, `(characters,)`."""
        return np.add.reduceat(self.bits, self.character_starts[:-1])


def iterate_reading(
    model, text, *, name=None, max_bytes=MAX_READ_BYTES, cancelled=None
):
    """Read a document and report the progress.

    LSTM and sliding-window models read the document in one pass, in chunks of a
    fixed length between which the state is carried: memory does not grow with the
    text. A model with a limited context reads overlapping segments. Close the
    generator, or set `cancelled`, to stop between two chunks.

    Args:
        model: `SharedModel`, or a model with the decode contract.
        text: str. The document.
        name: str. Name of the model. Defaults to its own name.
        max_bytes: int. Most bytes to read, cut at a whole character. A document that is
            at most a tenth longer is read whole.
        cancelled: `threading.Event` or None. When set, the generator ends without a
            `Reading`.

    Yields:
        `ReadingProgress`, several times, and finally one `Reading`.

    Raises:
        InputError: (a `ValueError`) when `text` cannot be read, or `max_bytes` is
            out of range.
    """
    check_number("max_bytes", max_bytes, 1, MAX_READ_BYTES)
    document = check_text(text).text.encode()
    data = part_to_read(document, int(max_bytes))
    model = SharedModel.of(model, name)
    name = name or model.name
    yield ReadingProgress(name, "compiling", 0, len(data), 0.0)
    compile_seconds = prepare_prefill(model)
    yield ReadingProgress(name, "reading", 0, len(data), 0.0)
    bits = np.empty(len(data), dtype="float32")
    seconds = 0.0
    for chunk, chunk_seconds in _timed_chunks(model, data, cancelled):
        end = chunk.start + len(chunk.bits)
        bits[chunk.start : end] = chunk.bits
        seconds += chunk_seconds
        yield ReadingProgress(name, "reading", end, len(data), seconds)
    if cancelled is not None and cancelled.is_set():
        return
    kept = data.decode()
    yield Reading(
        name=name,
        text=kept,
        bits=bits,
        character_starts=character_byte_offsets(kept),
        protocol=choose_protocol(model),
        bytes_dropped=len(document) - len(data),
        seconds=seconds,
        compile_seconds=compile_seconds,
        parameters=model.parameters,
        state_bytes=model.state_bytes(1, max_length=model.context_length),
    )


def read_document(
    model, text, *, name=None, max_bytes=MAX_READ_BYTES, progress=None, cancelled=None
):
    """Read a document and return the result.

    Args:
        model: `SharedModel`, or a model with the decode contract.
        text: str. The document.
        name: str. Name of the model. Defaults to its own name.
        max_bytes: int. Most bytes to read, cut at a whole character. A document that is
            at most a tenth longer is read whole.
        progress: callable or None. Called with each `ReadingProgress`.
        cancelled: `threading.Event` or None. Stops the reading when set.

    Returns:
        `Reading`, or None when it was cancelled.

    Raises:
        InputError: (a `ValueError`) when `text` cannot be read, or `max_bytes` is
            out of range.
    """
    result = None
    for result in iterate_reading(
        model, text, name=name, max_bytes=max_bytes, cancelled=cancelled
    ):
        if progress is not None and isinstance(result, ReadingProgress):
            progress(result)
    return result if isinstance(result, Reading) else None


def _timed_chunks(model, data, cancelled):
    """Yield each chunk and the time it took, without the consumer's time."""
    # Importing keras takes seconds, so it is imported only when a model is used.
    from longkeras.evaluation import iterate_bits

    # One segment at a time: batches are slower on a CPU, and the program compiled for
    # one row also serves continuations and inspections.
    chunks = iterate_bits(model, data, chunk_length=model.chunk_tokens, batch_size=1)
    while cancelled is None or not cancelled.is_set():
        started = time.perf_counter()
        chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk, time.perf_counter() - started
