"""How well a language model predicts text, and what it does with far-away text."""

import importlib

_EXPORTS = {
    "BitsChunk": "longkeras.evaluation.byte_bits",
    "ByteTextModel": "longkeras.evaluation.text_requests",
    "CausalLMTextModel": "longkeras.evaluation.causal_lm_requests",
    "ContextUse": "longkeras.evaluation.far_context",
    "Estimate": "longkeras.evaluation.estimates",
    "EvaluationProtocol": "longkeras.evaluation.protocol",
    "EvaluationResult": "longkeras.evaluation.compression",
    "LanguageScore": "longkeras.evaluation.compression",
    "PositionBits": "longkeras.evaluation.position_bits",
    "RecallExample": "longkeras.evaluation.recall_probe",
    "RecallScore": "longkeras.evaluation.recall",
    "TextModel": "longkeras.evaluation.text_requests",
    "bits_by_position": "longkeras.evaluation.position_bits",
    "bits_per_byte": "longkeras.evaluation.compression",
    "choose_protocol": "longkeras.evaluation.protocol",
    "context_use": "longkeras.evaluation.far_context",
    "draw_passages": "longkeras.evaluation.passages",
    "effective_context_length": "longkeras.evaluation.far_context",
    "estimate_mean": "longkeras.evaluation.estimates",
    "evaluate_books": "longkeras.evaluation.compression",
    "iterate_bits": "longkeras.evaluation.byte_bits",
    "perturb": "longkeras.evaluation.perturbations",
    "recall_by_generation": "longkeras.evaluation.recall",
    "recall_by_likelihood": "longkeras.evaluation.recall",
    "recall_examples": "longkeras.evaluation.recall_probe",
    "relative_effective_context": "longkeras.evaluation.far_context",
    "score_recall": "longkeras.evaluation.recall",
    "theoretical_reach": "longkeras.evaluation.reach",
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
