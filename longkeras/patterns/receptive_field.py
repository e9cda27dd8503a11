"""Receptive fields of stacked layers with banded attention."""

import typing

import numpy as np

from longkeras.patterns.banded_pattern import BandedPattern


class ReceptiveField(typing.NamedTuple):
    """The span of input positions that can reach one output position.

    Args:
        left: int. Positions reached before the output's own position.
        right: int. Positions reached after it.
    """

    left: int
    right: int

    @property
    def width(self):
        """int. Positions in the span, the output's own included."""
        return self.left + self.right + 1


def receptive_field(patterns, num_layers=None):
    """Return the theoretical receptive field of a stack of attention layers.

    Each layer adds its window to the span, so deep stacks of narrow windows see far.
    Dilated layers may leave gaps inside the span, see `reachable_offsets`. A trained
    model need not use all of it.

    Args:
        patterns: sequence of `BandedPattern`, one per layer, or a single
            `BandedPattern` for all of `num_layers` layers.
        num_layers: int. Number of layers, needed with a single pattern only.

    Returns:
        A `ReceptiveField` with `left`, `right` and `width`.

    Raises:
        ValueError: If `num_layers` is missing, or contradicts `patterns`.

    Example:

    ```python
    from longkeras.patterns import BandedPattern, receptive_field

    field = receptive_field(BandedPattern.causal(256), num_layers=12)
    assert field.left == 12 * 255
    ```

    Reference:
        [Longformer, section 3.1](https://arxiv.org/abs/2004.05150)
    """
    layers = _one_per_layer(patterns, num_layers)
    return ReceptiveField(
        left=sum(pattern.max_left for pattern in layers),
        right=sum(pattern.max_right for pattern in layers),
    )


def reachable_offsets(patterns, num_layers=None):
    """Return the relative positions that can influence an output position.

    Heads of a layer are mixed before the next layer, so an offset is reachable when
    some path picks one key of any head in every layer.

    Args:
        patterns: sequence of `BandedPattern`, one per layer, or a single
            `BandedPattern` for all of `num_layers` layers.
        num_layers: int. Number of layers, needed with a single pattern only.

    Returns:
        A sorted int array of offsets `input position - output position`; 0, the
        position itself, is always among them.

    Raises:
        ValueError: If `num_layers` is missing, or contradicts `patterns`.

    Example:

    ```python
    from longkeras.patterns import BandedPattern, reachable_offsets

    causal = BandedPattern(left=1, right=0, dilation=3)
    assert reachable_offsets(causal, num_layers=2).tolist() == [-6, -3, 0]
    ```
    """
    layers = _one_per_layer(patterns, num_layers)
    left, right = receptive_field(layers)
    reached = np.zeros(left + right + 1, dtype=bool)
    reached[left] = True
    for pattern in layers:
        # No shift wraps around: the array spans the sum of all windows.
        reached = np.logical_or.reduce(
            [np.roll(reached, offset) for offset in _layer_offsets(pattern)]
        )
    return np.flatnonzero(reached) - left


def _layer_offsets(pattern):
    steps = range(-pattern.left, pattern.right + 1)
    return {step * dilation for step in steps for dilation in pattern.dilations}


def _one_per_layer(patterns, num_layers):
    if isinstance(patterns, BandedPattern):
        if num_layers is None:
            raise ValueError(
                "`num_layers` must be given with a single pattern. "
                f"Received: num_layers={num_layers}"
            )
        return (patterns,) * num_layers
    layers = tuple(patterns)
    if num_layers not in (None, len(layers)):
        raise ValueError(
            "`num_layers` must equal the number of patterns. "
            f"Received: num_layers={num_layers} for {len(layers)} patterns"
        )
    return layers
