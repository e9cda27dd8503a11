"""A 32-bit hash in int32 arithmetic, which wraps alike on every backend."""

from keras import ops

# Odd multipliers: of MurmurHash3's finaliser, and 2**32 / golden ratio to tell
# counters apart. Written as int32 wraps them.
_FIRST, _SECOND, STEP = -2048144789, -1028477387, -1640531527


def mixed(x):
    """Every bit of a number spread over all bits: MurmurHash3's finaliser.

    Args:
        x: int32 tensor.

    Returns:
        int32 tensor of its shape.
    """
    x = ops.bitwise_xor(x, _shifted(x, 16)) * _FIRST
    x = ops.bitwise_xor(x, _shifted(x, 13)) * _SECOND
    return ops.bitwise_xor(x, _shifted(x, 16))


def below(x, limit):
    """A hash as a number from 0 up to a limit.

    Args:
        x: int32 tensor, from `mixed`.
        limit: int of at most 2**31. Above every number.

    Returns:
        int32 tensor of the shape of `x`.
    """
    return ops.mod(ops.bitwise_and(x, 2**31 - 1), limit)


def _shifted(x, bits):
    """A logical shift to the right: int32 would bring the sign along."""
    return ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)
