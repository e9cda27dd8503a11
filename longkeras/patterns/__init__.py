"""What may see what: attention patterns, their reach and their cost. NumPy only."""

from longkeras.patterns.banded_pattern import BandedPattern
from longkeras.patterns.dense_mask import dense_mask

__all__ = ["BandedPattern", "dense_mask"]
