"""Attention and recurrence as pure functions of tensors, on `keras.ops`."""

from longkeras.ops.attention.banded_attention import banded_attention
from longkeras.ops.attention.cross_attention import cross_attention
from longkeras.ops.attention.explain import explain
from longkeras.ops.attention.longformer_attention import longformer_attention
from longkeras.ops.attention.reference_attention import reference_attention
from longkeras.ops.recurrence.dispatch import explain_recurrence

__all__ = [
    "banded_attention",
    "cross_attention",
    "explain",
    "explain_recurrence",
    "longformer_attention",
    "reference_attention",
]
