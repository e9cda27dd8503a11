"""Services behind the page: models, reading, inspection, continuation, key search.

Every result is a plain value (a frozen dataclass with NumPy arrays), so simultaneous
users of the page share models but never results. Nothing here depends on gradio, and
importing this package imports neither keras nor TensorFlow.

The parts:
    manifest: the models of a folder, of any task and family (`ModelEntry`).
    registry: models by name, loaded on first use (`ModelRegistry`).
    model_cache: loaded models under a memory cap.
    shared_model: a model that several users call in turns (`SharedModel`).
    limits: checks of user input (`check_text`, `check_upload`, `InputError`).
    byte_tokens: all that is assumed about the tokens of language models.
    reading: bits for every byte of a document (`iterate_reading`, `Reading`).
    comparison: several models over one document (`compare_models`).
    views, tables: arrays to draw and rows to list (`binned_bits`, `csv_of_bins`).
    inspection: one character and its alternatives (`inspect_place`).
    continuation: several models continuing a text (`continue_text`).
    key_finder: search for a pass key in a long text.
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
