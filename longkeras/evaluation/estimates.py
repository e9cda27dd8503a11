"""Means with bootstrap intervals."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean over independent values.

    Args:
        mean: float.
        standard_error: float. NaN for a single value.
        low: float. Lower end of the 95 % bootstrap interval.
        high: float. Upper end.
        count: int. Number of values.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    count: int


def estimate_mean(values, seed=0):
    """Estimate a mean and its 95 % interval by the bootstrap.

    Args:
        values: float array of shape (count,). For a difference, the differences of
            pairs.
        seed: int. Seed of the 1,000 resamples. Defaults to `0`.

    Returns:
        `Estimate`.

    Raises:
        ValueError: If there are no values.

    Example:

    >>> estimate = estimate_mean([1.0, 2.0, 3.0])
    >>> estimate.mean, estimate.count, estimate.low < 2 < estimate.high
    (2.0, 3, True)
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(
            "`values` must be one row of at least one number. "
            f"Received: an array of shape {values.shape}"
        )
    count = len(values)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(count, size=(RESAMPLES, count))
    low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
    error = values.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return Estimate(float(values.mean()), float(error), float(low), float(high), count)
