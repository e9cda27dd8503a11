"""Arrays for the strips and plots of the page."""

from dataclasses import dataclass

import numpy as np

STRIP_FULL_SCALE = 8.0
"""Bits per byte of the strongest colour: those of a uniform prediction."""


@dataclass(frozen=True, eq=False)
class BinnedBits:
    """Bits per byte against the position in the document.

    Args:
        edges: int64 array of shape `(bins + 1,)`. Byte offsets; equal steps.
        bits_per_byte: float32 array of shape `(bins,)`. Mean over each bin.
    """

    edges: np.ndarray
    bits_per_byte: np.ndarray


@dataclass(frozen=True, eq=False)
class SurpriseStrip:
    """A document as one row of coloured cells.

    Args:
        levels: uint8 array of shape `(cells,)`. Mean bits per byte of each cell; 255
            stands for `STRIP_FULL_SCALE` or more.
        peaks: uint8 array of shape `(cells,)`. The same for the most surprising
            character of each cell.
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
        num_bins: int. Most bins; a shorter text has one per byte.

    Returns:
        `BinnedBits`. Readings of the same text have the same edges.

    Raises:
        ValueError: `num_bins` is smaller than 1.
    """
    edges = _equal_edges(reading.bytes_read, num_bins, "num_bins")
    sums = np.add.reduceat(reading.bits.astype("float64"), edges[:-1])
    return BinnedBits(edges, (sums / np.diff(edges)).astype("float32"))


def surprise_strip(reading, max_cells=20_000):
    """Return the colours of a reading's strip.

    Colours are bits per byte, since a character of three bytes may take three times the
    bits of a character of one byte: so English and Chinese can be compared.

    Args:
        reading: `Reading`.
        max_cells: int. Most cells; a shorter text has one per character.

    Returns:
        `SurpriseStrip`. Readings of the same text have the same cells.

    Raises:
        ValueError: `max_cells` is smaller than 1.
    """
    starts = _equal_edges(reading.num_characters, max_cells, "max_cells")
    byte_starts = reading.character_starts[starts]
    sums = np.add.reduceat(reading.bits.astype("float64"), byte_starts[:-1])
    per_character = reading.character_bits / np.diff(reading.character_starts)
    peaks = np.maximum.reduceat(per_character, starts[:-1])
    return SurpriseStrip(_levels(sums / np.diff(byte_starts)), _levels(peaks), starts)


def _equal_edges(length, most, name):
    """Return `parts + 1` increasing integers from 0 to `length`, `parts <= most`."""
    if most < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={most}")
    parts = min(most, length)
    return np.arange(parts + 1, dtype="int64") * length // parts


def _levels(bits_per_byte):
    scaled = np.rint(bits_per_byte * (255 / STRIP_FULL_SCALE))
    return np.clip(scaled, 0, 255).astype("uint8")
