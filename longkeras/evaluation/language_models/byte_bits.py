"""Bits per byte of a text, and of books by language."""

import time
from dataclasses import dataclass

import numpy as np

from longkeras.evaluation.language_models.protocol import (
    BATCH_SIZE,
    CHUNK_LENGTH,
    choose_protocol,
)
from longkeras.evaluation.language_models.text_reader import as_ids, score_documents
from longkeras.text.byte_vocabulary import byte_ids


@dataclass(frozen=True, eq=False)
class BitsChunk:
    """Bits of a span of a text.

    Args:
        start: int. Byte at which the span begins.
        bits: float32 array of shape (length,). Surprise at each byte.
        logits: float32 array of shape (length, vocabulary) or None. The
            prediction at each byte; special tokens are part of the vocabulary.
    """

    start: int
    bits: np.ndarray
    logits: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Bits per byte of a text.

    Args:
        bits_per_byte: float. Mean bits; a uniform guess has 8.
        num_bytes: int. Bytes of the text, which are all scored.
        protocol: str. Description of the protocol.
        seconds: float. Time taken, the model's compilation included.
        bits: float32 array of shape (bytes,) or None. Surprise at each byte.
    """

    bits_per_byte: float
    num_bytes: int
    protocol: str
    seconds: float
    bits: np.ndarray | None = None


@dataclass(frozen=True)
class LanguageScore:
    """Bits per byte of the books of one language.

    Args:
        language: str. Language code.
        bits_per_byte: float. Mean surprise over all bytes scored.
        num_bytes: int. Bytes scored.
        num_skipped_bytes: int. Bytes left out because of `max_bytes_per_book`.
        num_books: int. Books.
        protocol: str. Description of the protocol.
        seconds: float. Time taken, the model's compilation included.
    """

    language: str
    bits_per_byte: float
    num_bytes: int
    num_skipped_bytes: int
    num_books: int
    protocol: str
    seconds: float


def iterate_bits(
    model,
    text,
    protocol=None,
    context_length=None,
    stride=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    with_logits=False,
):
    """Score a text and yield the bits after each call of the model.

    Close the generator to stop. The memory beside the ids of the text does not grow
    with its length, and the ids of a file are read piece by piece.

    Args:
        model: See `bits_per_byte`.
        text: See `bits_per_byte`.
        protocol: See `bits_per_byte`.
        context_length: See `bits_per_byte`.
        stride: See `bits_per_byte`.
        chunk_length: See `bits_per_byte`.
        batch_size: See `bits_per_byte`.
        with_logits: bool. Whether to yield the logits too. Defaults to `False`.

    Yields:
        `BitsChunk`. Together they cover each byte exactly once. They are in order of
        the text in streaming, or if a segment fits into one chunk.

    Raises:
        ValueError: For an empty text, or a protocol that does not suit the model.

    Example:

    >>> import numpy as np
    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> [chunk.bits.tolist() for chunk in iterate_bits(Uniform(), "ab")]
    [[8.0, 8.0]]
    """
    protocol = choose_protocol(model, protocol, context_length, stride)
    documents = [(as_ids(text), 0)]
    pieces = score_documents(
        model, documents, protocol, chunk_length, batch_size, with_logits
    )
    for piece in pieces:
        yield BitsChunk(piece.start, piece.bits, piece.logits)


def bits_per_byte(
    model,
    text,
    protocol=None,
    context_length=None,
    stride=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    return_bits=False,
):
    """Measure the bits per byte of a text.

    The softmax includes the special tokens, so the probability of these counts against
    the model.

    Args:
        model: a model with the decode contract (`initial_state`,
            `compiled_prefill`, `context_length`).
        text: str, bytes, path or int array of shape (length,), not empty. A path names
            a file, which is read piece by piece in constant memory; an array holds ids.
        protocol: str, `EvaluationProtocol` or None. `"streaming"`, `"segment"` or
            `"strided"`. Defaults to the model's; see `choose_protocol`.
        context_length: int. Ids per segment. Defaults to the model's limit.
        stride: int. For `"strided"`. Defaults to half the context.
        chunk_length: int. Most ids in one call of the model. Defaults to `1024`.
        batch_size: int. Segments read side by side. Defaults to `8`.
        return_bits: bool. Whether to return the bits of each byte.

    Returns:
        `EvaluationResult`.

    Raises:
        ValueError: For an empty text, or a protocol that does not suit the model.

    Example:

    >>> import numpy as np
    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> bits_per_byte(Uniform(), "Call me Ishmael.").bits_per_byte
    8.0
    """
    began = time.perf_counter()
    ids = as_ids(text)
    protocol = choose_protocol(model, protocol, context_length, stride)
    kept = np.empty(len(ids), dtype=np.float32) if return_bits else None
    total = 0.0
    for chunk in iterate_bits(
        model, ids, protocol, chunk_length=chunk_length, batch_size=batch_size
    ):
        total += float(chunk.bits.sum(dtype=np.float64))
        if kept is not None:
            kept[chunk.start : chunk.start + len(chunk.bits)] = chunk.bits
    return EvaluationResult(
        bits_per_byte=total / len(ids),
        num_bytes=len(ids),
        protocol=protocol.describe(),
        seconds=time.perf_counter() - began,
        bits=kept,
    )


def evaluate_books(
    model,
    books,
    protocol=None,
    context_length=None,
    stride=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
    max_bytes_per_book=None,
):
    """Measure the bits per byte of books, language by language.

    Books are read side by side, each from its beginning, so that a recurrent model
    does not read them one after another.

    Args:
        model: See `bits_per_byte`.
        books: iterable of `Book`.
        protocol: See `bits_per_byte`.
        context_length: See `bits_per_byte`.
        stride: See `bits_per_byte`.
        chunk_length: See `bits_per_byte`.
        batch_size: See `bits_per_byte`.
        max_bytes_per_book: int. Bytes to read from the beginning of each book; the
            score counts the others as skipped. Defaults to `None`: all.

    Returns:
        dict of language code to `LanguageScore`.

    Raises:
        ValueError: Without books, or for a protocol that does not suit the model.

    Example:

    >>> import numpy as np
    >>> from longkeras.data import Book
    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> evaluate_books(Uniform(), [Book("Emma", "en", "Emma")])["en"].bits_per_byte
    8.0
    """
    protocol = choose_protocol(model, protocol, context_length, stride)
    documents: dict[str, list[np.ndarray]] = {}
    for book in books:
        documents.setdefault(book.language, []).append(byte_ids(book.text))
    if not documents:
        raise ValueError("`books` must hold at least one book. Received: none")
    scores = {}
    for language, whole in documents.items():
        began = time.perf_counter()
        read = [ids[:max_bytes_per_book] for ids in whole]
        pieces = score_documents(
            model, [(ids, 0) for ids in read], protocol, chunk_length, batch_size
        )
        total = sum(float(piece.bits.sum(dtype=np.float64)) for piece in pieces)
        num_bytes = sum(map(len, read))
        scores[language] = LanguageScore(
            language=language,
            bits_per_byte=total / num_bytes,
            num_bytes=num_bytes,
            num_skipped_bytes=sum(map(len, whole)) - num_bytes,
            num_books=len(whole),
            protocol=protocol.describe(),
            seconds=time.perf_counter() - began,
        )
    return scores
