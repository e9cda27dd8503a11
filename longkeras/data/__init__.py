"""Corpora: readers of books and passages, training windows, the bundled samples.

Names load on first use, so that reading a sample does not import Keras.
"""

import importlib

_EXPORTS = {
    "Book": "longkeras.data.books",
    "ByteCorpus": "longkeras.data.byte_corpus",
    "Passage": "longkeras.data.passages",
    "Sample": "longkeras.data.bundled_samples",
    "TokenShards": "longkeras.data.token_shards",
    "TrainingWindows": "longkeras.data.training_windows",
    "book_ids": "longkeras.data.window_stream",
    "data_directory": "longkeras.data.directory",
    "label_names": "longkeras.data.passages",
    "load_books": "longkeras.data.directory",
    "load_passages": "longkeras.data.passages",
    "read_books": "longkeras.data.books",
    "read_passages": "longkeras.data.passages",
    "sample": "longkeras.data.bundled_samples",
    "samples": "longkeras.data.bundled_samples",
    "write_token_shards": "longkeras.data.token_shards",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name):
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
