"""Folders and presets of BERT, RoBERTa and XLM-R, read as Longformers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from longkeras.conversion.encoder_folder import read_encoder_source
from longkeras.conversion.encoder_models import source_of_preset
from longkeras.conversion.encoder_source import EncoderSource, longformer_of
from longkeras.conversion.model_request import ModelRequest

DEFAULT_LENGTH = 4096
DEFAULT_WINDOW = 512


def read_encoder_as_longformer(request: ModelRequest) -> Any:
    """The Longformer of a short encoder; see `longkeras.conversion.convert_to_long`.

    Args:
        request: `ModelRequest`. Its task is one of ours; its overrides may hold
            `max_sequence_length` and `attention_window`.

    Returns:
        A backbone or a task of ours.

    Raises:
        CheckpointError: If the checkpoint is not whole, or of another kind.
        ValueError: If it is a Longformer already, a new head needs `num_classes`, or
            the length or window does not fit.
    """
    return _longformer(request, read_encoder_source)


def read_preset_as_longformer(
    kind: type | str | None, preset: str, load_weights: bool = True, **overrides: Any
) -> Any:
    """The Longformer of a short encoder that is a preset of KerasHub's.

    Args:
        kind: class or name of one of our tasks, or None for the backbone.
        preset: str. See `keras_hub.models.Backbone.from_preset`.
        load_weights: bool. Defaults to `True`.
        **overrides: See `ModelRequest`.

    Returns:
        A backbone or a task of ours.

    Raises:
        CheckpointError: If there is no such task.
        ValueError: As `read_encoder_as_longformer` does.
    """
    # Without `architectures`: what task a preset has is found out elsewhere.
    request = ModelRequest(Path(preset), {}, kind, load_weights, overrides)
    return _longformer(request, lambda request: source_of_preset(preset, request))


def _longformer(
    request: ModelRequest, source_of: Callable[[ModelRequest], EncoderSource]
) -> Any:
    overrides = dict(request.overrides)
    max_sequence_length = overrides.pop("max_sequence_length", DEFAULT_LENGTH)
    attention_window = overrides.pop("attention_window", DEFAULT_WINDOW)
    source = source_of(replace(request, overrides=overrides))
    return longformer_of(source, max_sequence_length, attention_window)
