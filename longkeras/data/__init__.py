"""Corpora: readers of whole books, training windows, and the bundled samples.

Names load on first use, so that reading a sample costs no Keras import.
"""

import importlib

_EXPORTS = {
    "Book": "longkeras.data.books",
    "ByteCorpus": "longkeras.data.byte_corpus",
    "Sample": "longkeras.data.bundled_samples",
    "TrainingWindows": "longkeras.data.training_windows",
    "data_directory": "longkeras.data.directory",
    "load_books": "longkeras.data.directory",
    "read_books": "longkeras.data.books",
    "sample": "longkeras.data.bundled_samples",
    "samples": "longkeras.data.bundled_samples",
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
