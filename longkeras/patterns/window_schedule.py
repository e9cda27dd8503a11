"""Window sizes that grow with depth."""


def growing_windows(num_layers, first, last):
    """Return window sizes that double from the bottom layer to the top one.

    Lower layers see local context at little cost, higher ones combine it over a wide
    span. Each size gets an equal share of the layers; with too few layers, some sizes
    are skipped.

    Args:
        num_layers: int. Number of layers, at least 1.
        first: int. Window of the bottom layer, at least 1.
        last: int. Window of the top layer, at least `first`.

    Returns:
        A list of `num_layers` ints in ascending order, ending in `last`. The first
        one is `first` when there are two layers or more.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    from longkeras.patterns import growing_windows

    assert growing_windows(6, first=32, last=128) == [32, 32, 64, 64, 128, 128]
    ```

    Reference:
        [Longformer, section 4.2](https://arxiv.org/abs/2004.05150)
    """
    if num_layers < 1:
        raise ValueError(
            f"`num_layers` must be at least 1. Received: num_layers={num_layers}"
        )
    if first < 1:
        raise ValueError(f"`first` must be at least 1. Received: first={first}")
    if last < first:
        raise ValueError(
            f"`last` must not be smaller than `first`. Received: last={last}, "
            f"first={first}"
        )
    # Doublings needed to reach `last`; the final one may be less than a doubling.
    doublings = (-(-last // first) - 1).bit_length()
    windows = [
        min(last, first * 2 ** _doublings_below(layer, num_layers, doublings))
        for layer in range(num_layers)
    ]
    windows[-1] = last
    return windows


def _doublings_below(layer, num_layers, doublings):
    if num_layers > doublings:
        return layer * (doublings + 1) // num_layers
    return round(layer * doublings / max(num_layers - 1, 1))
