"""How well a language model predicts text, in bits per byte, by named protocols."""

import importlib

_EXPORTS = {
    "BitsChunk": "longkeras.evaluation.byte_bits",
    "EvaluationProtocol": "longkeras.evaluation.protocol",
    "EvaluationResult": "longkeras.evaluation.compression",
    "LanguageScore": "longkeras.evaluation.compression",
    "bits_per_byte": "longkeras.evaluation.compression",
    "choose_protocol": "longkeras.evaluation.protocol",
    "evaluate_books": "longkeras.evaluation.compression",
    "iterate_bits": "longkeras.evaluation.byte_bits",
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
