"""The colour scale of surprise, the same in the strips and in the text."""

from math import log2

from longkeras.serving.views import STRIP_FULL_SCALE

HEAT_STEPS = 12
"""Colours of the scale; their values are in `style.css`, for light and for dark."""


def heat_class(bits_per_byte):
    """Return the CSS class that colours a surprise.

    The scale is logarithmic: most bytes of a text that a model knows take less than
    two bits, and differences there matter most.

    Args:
        bits_per_byte: float.

    Returns:
        str.

    Example:
    >>> [heat_class(bits) for bits in (0.0, 1.0, 8.0, 20.0)]
    ['lk-heat-0', 'lk-heat-3', 'lk-heat-11', 'lk-heat-11']
    """
    share = log2(1 + max(0.0, bits_per_byte)) / log2(1 + STRIP_FULL_SCALE)
    return f"lk-heat-{min(HEAT_STEPS - 1, int(share * HEAT_STEPS))}"
