"""Hugging Face folders of BERT, RoBERTa and XLM-R, read as Longformers."""

from dataclasses import replace
from typing import Any

from longkeras.conversion.encoder_folder import read_encoder_source
from longkeras.conversion.encoder_source import longformer_of
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
    overrides = dict(request.overrides)
    max_sequence_length = overrides.pop("max_sequence_length", DEFAULT_LENGTH)
    attention_window = overrides.pop("attention_window", DEFAULT_WINDOW)
    source = read_encoder_source(replace(request, overrides=overrides))
    return longformer_of(source, max_sequence_length, attention_window)
