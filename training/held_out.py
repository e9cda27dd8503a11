"""Bits per byte on books that training never sees."""

import logging

import keras

from longkeras.evaluation import evaluate_books

_LOGGER = logging.getLogger("training")


class HeldOutBits(keras.callbacks.Callback):
    """Reads the beginning of each held-out book at the end of each epoch.

    Adds `bits_per_byte_<language>` to the logs, before a checkpoint writes them down,
    and their mean as `bits_per_byte`.

    Args:
        books: list of `longkeras.data.Book`.
        max_bytes_per_book: int. Bytes read of each.
    """

    def __init__(self, books, max_bytes_per_book):
        super().__init__()
        self.books = books
        self.max_bytes_per_book = max_bytes_per_book

    def on_epoch_end(self, epoch, logs=None):
        scores = evaluate_books(
            self.model, self.books, max_bytes_per_book=self.max_bytes_per_book
        )
        for language, score in scores.items():
            _LOGGER.info(
                "held-out books: %s %.4f bits per byte of %d bytes",
                language,
                score.bits_per_byte,
                score.num_bytes,
            )
            if logs is not None:
                logs[f"bits_per_byte_{language}"] = score.bits_per_byte
        if logs is not None:
            bits = [score.bits_per_byte for score in scores.values()]
            logs["bits_per_byte"] = sum(bits) / len(bits)
