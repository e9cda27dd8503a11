"""Services behind the page: models, reading, inspection, continuation.

Every result is a plain value (a frozen dataclass with NumPy arrays), so that two
people who use the page at once share models but never results. Nothing here knows
gradio, and importing this package imports neither keras nor TensorFlow.

The parts:
    registry: which models there are (`ModelRegistry`, `ModelEntry`).
    shared_model: a model that several people call in turns (`SharedModel`).
    limits: what text is accepted (`check_text`, `check_upload`, `InputError`).
    reading: bits for every byte of a document (`iterate_reading`, `Reading`).
    comparison: several models over one document (`compare_models`).
    views, tables: what is drawn and what is listed (`binned_bits`, `csv_of_bins`).
    inspection: one place looked at closely (`inspect_place`).
    continuation: several models writing on (`continue_text`).
"""

from importlib import import_module

_HOMES = {
    "Alternative": "inspection",
    "BinnedBits": "views",
    "CheckedText": "limits",
    "ComparisonProgress": "comparison",
    "Continuation": "continuation",
    "InputError": "limits",
    "Inspection": "inspection",
    "MAX_CONTINUE_BYTES": "limits",
    "MAX_READ_BYTES": "limits",
    "MAX_TEXT_BYTES": "limits",
    "MAX_UPLOAD_BYTES": "limits",
    "ModelEntry": "manifest",
    "ModelRegistry": "registry",
    "Protocol": "reading",
    "Reading": "reading",
    "ReadingProgress": "reading",
    "SharedModel": "shared_model",
    "SurpriseStrip": "views",
    "binned_bits": "views",
    "character_label": "characters",
    "check_choices": "limits",
    "check_text": "limits",
    "check_upload": "limits",
    "compare_models": "comparison",
    "continue_text": "continuation",
    "csv_of_bins": "tables",
    "csv_of_characters": "tables",
    "csv_of_summary": "tables",
    "inspect_place": "inspection",
    "iterate_reading": "reading",
    "read_document": "reading",
    "rows_of_bins": "tables",
    "rows_of_summary": "tables",
    "surprise_strip": "views",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
