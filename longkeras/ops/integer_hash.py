"""A 32-bit hash in int32 arithmetic, which overflows alike on every backend."""

from keras import ops

# Odd multipliers as int32: two of MurmurHash3's finaliser, and 2**32 / golden ratio,
# which spreads counters.
_FIRST, _SECOND, STEP = -2048144789, -1028477387, -1640531527


def mixed(x):
    """Hash integers with MurmurHash3's finaliser.

    Args:
        x: int32 tensor.

    Returns:
        int32 tensor of its shape.
    """
    x = ops.bitwise_xor(x, _shifted(x, 16)) * _FIRST
    x = ops.bitwise_xor(x, _shifted(x, 13)) * _SECOND
    return ops.bitwise_xor(x, _shifted(x, 16))


def below(x, limit):
    """Reduce hashes to the range from 0 to `limit - 1`.

    Args:
        x: int32 tensor, from `mixed`.
        limit: int, at most 2**31.

    Returns:
        int32 tensor of the shape of `x`.
    """
    return ops.mod(ops.bitwise_and(x, 2**31 - 1), limit)


def _shifted(x, bits):
    """Logical right shift; that of int32 is arithmetic."""
    return ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)
