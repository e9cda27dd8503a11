"""The contrast of two colours, as WCAG 2 defines it."""

import re


def contrast(one, other):
    """Return the contrast ratio of two colours.

    Args:
        one: str. `#rrggbb` or `rgb(...)`.
        other: str. As `one`.

    Returns:
        float between 1 and 21.
    """
    low, high = sorted(_luminance(each) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    if colour.startswith("#"):
        channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    else:
        channels = [float(each) for each in re.findall(r"[\d.]+", colour)[:3]]
    shares = [channel / 255 for channel in channels]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
