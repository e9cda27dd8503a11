"""From strings and files to ids of bytes or subwords, and back.

Names load on first use: the tokenizer pulls KerasHub in, which takes seconds.
"""

import importlib

_EXPORTS = {
    "ByteTokenizer": "longkeras.text.byte_tokenizer",
    "ByteWindows": "longkeras.text.windows",
    "DecodedDocument": "longkeras.text.decoding",
    "SubwordTokenizer": "longkeras.text.subword_tokenizer",
    "SubwordWindows": "longkeras.text.subword_text_windows",
    "TokenReport": "longkeras.text.subword_rows",
    "byte_ids": "longkeras.text.byte_vocabulary",
    "byte_windows": "longkeras.text.windows",
    "character_byte_offsets": "longkeras.text.byte_vocabulary",
    "decode_document": "longkeras.text.decoding",
    "frequent_words": "longkeras.text.word_counts",
    "subword_windows": "longkeras.text.subword_text_windows",
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
