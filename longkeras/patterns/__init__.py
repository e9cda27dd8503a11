"""Attention patterns, their receptive fields and their cost, in NumPy."""

from longkeras.patterns.attention_cost import (
    AttentionCost,
    attention_cost,
    full_attention_cost,
)
from longkeras.patterns.banded_pattern import BandedPattern
from longkeras.patterns.dense_mask import dense_mask
from longkeras.patterns.receptive_field import (
    ReceptiveField,
    reachable_offsets,
    receptive_field,
)
from longkeras.patterns.window_schedule import growing_windows

__all__ = [
    "AttentionCost",
    "BandedPattern",
    "ReceptiveField",
    "attention_cost",
    "dense_mask",
    "full_attention_cost",
    "growing_windows",
    "reachable_offsets",
    "receptive_field",
]
