"""Evaluation of language models on long text, and bootstrap estimates."""

import importlib

_EXPORTS = {
    "BitsChunk": "longkeras.evaluation.language_models.byte_bits",
    "ByteTextModel": "longkeras.evaluation.language_models.text_requests",
    "CausalLMTextModel": "longkeras.evaluation.language_models.causal_lm_requests",
    "ContextUse": "longkeras.evaluation.language_models.far_context",
    "Estimate": "longkeras.evaluation.estimates",
    "EvaluationProtocol": "longkeras.evaluation.language_models.protocol",
    "EvaluationResult": "longkeras.evaluation.language_models.byte_bits",
    "LanguageScore": "longkeras.evaluation.language_models.byte_bits",
    "PositionBits": "longkeras.evaluation.language_models.position_bits",
    "RecallExample": "longkeras.evaluation.language_models.recall_examples",
    "RecallScore": "longkeras.evaluation.language_models.recall",
    "TextModel": "longkeras.evaluation.language_models.text_requests",
    "bits_by_position": "longkeras.evaluation.language_models.position_bits",
    "bits_per_byte": "longkeras.evaluation.language_models.byte_bits",
    "choose_protocol": "longkeras.evaluation.language_models.protocol",
    "context_use": "longkeras.evaluation.language_models.far_context",
    "draw_passages": "longkeras.evaluation.language_models.passages",
    "effective_context_length": "longkeras.evaluation.language_models.far_context",
    "estimate_mean": "longkeras.evaluation.estimates",
    "evaluate_books": "longkeras.evaluation.language_models.byte_bits",
    "iterate_bits": "longkeras.evaluation.language_models.byte_bits",
    "perturb": "longkeras.evaluation.language_models.passages",
    "recall_by_generation": "longkeras.evaluation.language_models.recall",
    "recall_by_likelihood": "longkeras.evaluation.language_models.recall",
    "recall_examples": "longkeras.evaluation.language_models.recall_examples",
    "relative_effective_context": "longkeras.evaluation.language_models.far_context",
    "score_recall": "longkeras.evaluation.language_models.recall",
    "theoretical_reach": "longkeras.evaluation.language_models.protocol",
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
