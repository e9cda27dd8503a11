"""A shuffle that is computed place by place instead of being kept."""

import numpy as np

_ROUNDS = 6
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class IndexPermutation:
    """A random order of `range(size)` of which only a few keys are kept.

    Any place is found without the others, so that a shuffle of a thousand million
    windows takes no memory and is resumed by its number alone. A Feistel network
    permutes the next power of four; numbers beyond `size` are sent on until they land
    inside, four times in the mean at worst.

    Args:
        size: int. How many numbers are shuffled, at least 1.
        generator: `numpy.random.Generator`. Decides the order.

    Raises:
        ValueError: If `size` is below 1.

    Example:

    >>> import numpy as np
    >>> order = IndexPermutation(5, np.random.default_rng(0))
    >>> sorted(order(np.arange(5)).tolist())
    [0, 1, 2, 3, 4]

    Reference:
        [Black and Rogaway, 2002](https://doi.org/10.1007/3-540-45760-7_9)
    """

    def __init__(self, size, generator):
        if size < 1:
            raise ValueError(f"`size` must be at least 1. Received: size={size}")
        self.size = size
        half_bits = max(1, -(-int(size - 1).bit_length() // 2))
        self._half_bits = np.uint64(half_bits)
        self._mask = np.uint64(2**half_bits - 1)
        self._keys = generator.integers(0, 2**63, size=_ROUNDS, dtype=np.uint64)

    def __call__(self, places):
        values = np.array(places, dtype=np.uint64)
        values = self._permute(values)
        outside = values >= self.size
        while outside.any():
            values = np.where(outside, self._permute(values), values)
            outside = values >= self.size
        return values.astype(np.int64)

    def _permute(self, values):
        left, right = values >> self._half_bits, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (self._scramble(right ^ key) & self._mask)
        return (left << self._half_bits) | right

    @staticmethod
    def _scramble(values):
        values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER
        values = (values ^ (values >> np.uint64(27))) * _MULTIPLIER
        return values ^ (values >> np.uint64(31))
