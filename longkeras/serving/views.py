"""What the page draws: strips and plots, as arrays."""

from dataclasses import dataclass

import numpy as np

STRIP_FULL_SCALE = 8.0
"""Bits per byte that make the strongest colour; a model that knows nothing needs 8."""


@dataclass(frozen=True)
class BinnedBits:
    """Bits per byte against the position in the document.

    Args:
        edges: int64 array of shape `(bins + 1,)`. Byte offsets; equal steps.
        bits_per_byte: float32 array of shape `(bins,)`. Mean over each bin.
    """

    edges: np.ndarray
    bits_per_byte: np.ndarray

    @property
    def centres(self):
        """Byte offset of the middle of each bin, `(bins,)`."""
        return (self.edges[:-1] + self.edges[1:]) / 2


@dataclass(frozen=True)
class SurpriseStrip:
    """A document as one row of coloured cells.

    Args:
        levels: uint8 array of shape `(cells,)`. Mean bits per byte of a cell's
            characters; 255 stands for `STRIP_FULL_SCALE` or more.
        peaks: uint8 array of shape `(cells,)`. The same for its most surprising
            character.
        starts: int64 array of shape `(cells + 1,)`. Index of each cell's first
            character, then the number of characters.
    """

    levels: np.ndarray
    peaks: np.ndarray
    starts: np.ndarray


def binned_bits(reading, num_bins=200):
    """Return bits per byte against the position.

    Args:
        reading: `Reading`.
        num_bins: int. Most bins; a shorter text has one a byte.

    Returns:
        `BinnedBits`. Readings of the same text have the same edges.
    """
    raise NotImplementedError


def surprise_strip(reading, max_cells=20_000):
    """Return the colours of a reading's strip.

    Args:
        reading: `Reading`.
        max_cells: int. Most cells; a shorter text has one a character.

    Returns:
        `SurpriseStrip`. Readings of the same text have the same cells.
    """
    raise NotImplementedError
