"""Attention and recurrence as pure functions of tensors, on `keras.ops`."""

from longkeras.ops.banded_attention import banded_attention
from longkeras.ops.chooser import explain
from longkeras.ops.longformer_attention import longformer_attention
from longkeras.ops.recurrence import explain_recurrence
from longkeras.ops.reference_attention import reference_attention

__all__ = [
    "banded_attention",
    "explain",
    "explain_recurrence",
    "longformer_attention",
    "reference_attention",
]
