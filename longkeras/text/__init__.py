"""Tokenizers of bytes, subwords and words, windows, and decoding of text files.

Names load on first use, since KerasHub takes seconds to import.
"""

import importlib

_EXPORTS = {
    "ByteTokenizer": "longkeras.text.byte_tokenizer",
    "ByteWindows": "longkeras.text.windows",
    "DecodedDocument": "longkeras.text.document_encoding",
    "SubwordTokenizer": "longkeras.text.subword_tokenizer",
    "SubwordWindows": "longkeras.text.windows",
    "TokenReport": "longkeras.text.subword_rows",
    "byte_ids": "longkeras.text.byte_vocabulary",
    "byte_windows": "longkeras.text.windows",
    "character_byte_offsets": "longkeras.text.byte_vocabulary",
    "decode_document": "longkeras.text.document_encoding",
    "frequent_words": "longkeras.text.subword_definition",
    "subword_windows": "longkeras.text.windows",
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
