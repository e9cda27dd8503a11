"""Dropout of attention weights that any order of computing them draws alike.

Whether the weight of a query and a key is kept follows from the seed, the row of the
batch, the head and the two positions alone, through a 32-bit hash (the finaliser of
MurmurHash3). So tiles, chunks, recomputed gradients and the dense reference drop the
same weights without storing a mask.
"""

import keras
from keras import ops

# Odd multipliers: of MurmurHash3's finaliser, and 2**32 / golden ratio to tell the
# counters apart. int32 arithmetic wraps, so they are written as they wrap.
_FIRST, _SECOND, _STEP = -2048144789, -1028477387, -1640531527


def draw_seed(seed):
    """One int32 scalar for a call.

    Args:
        seed: int, int scalar tensor, or `keras.random.SeedGenerator`, which moves on
            by one draw.

    Returns:
        int32 scalar tensor.
    """
    if isinstance(seed, keras.random.SeedGenerator):
        state = ops.cast(seed.next(), "int32")
        return _mixed(state[0]) + state[1]
    if isinstance(seed, int):
        seed = (seed + 2**31) % 2**32 - 2**31
    return ops.cast(ops.convert_to_tensor(seed), "int32")


def query_numbers(seed, batch_size, positions, num_heads):
    """A number for every row of the batch, query and head.

    Args:
        seed: int32 scalar tensor.
        batch_size: int or int scalar tensor.
        positions: int32 `(queries,)`, positions in the text.
        num_heads: int.

    Returns:
        int32 `(batch, queries, heads)`.
    """
    rows = _mixed(seed + _STEP * ops.arange(1, batch_size + 1, dtype="int32"))
    queries = _mixed(rows[:, None] + _STEP * positions)  # (batch, queries)
    heads = _STEP * ops.arange(1, num_heads + 1, dtype="int32")
    return _mixed(queries[:, :, None] + heads)


def key_numbers(positions):
    """A number for every key: int32 of the shape of `positions`."""
    return _mixed(_STEP * (ops.cast(positions, "int32") + 1))


def kept(query_numbers, key_numbers, rate):
    """Which weights stay: broadcasts the two numbers against each other.

    Args:
        query_numbers: int32 tensor, see `query_numbers`.
        key_numbers: int32 tensor, see `key_numbers`.
        rate: float in [0, 1), the share that is dropped.

    Returns:
        bool tensor.
    """
    drawn = _mixed(ops.bitwise_xor(query_numbers, key_numbers))
    return ops.bitwise_and(drawn, 2**31 - 1) >= int(rate * 2**31)


def _mixed(x):
    x = ops.bitwise_xor(x, _shifted(x, 16)) * _FIRST
    x = ops.bitwise_xor(x, _shifted(x, 13)) * _SECOND
    return ops.bitwise_xor(x, _shifted(x, 16))


def _shifted(x, bits):
    """A logical shift to the right: int32 would bring the sign along."""
    return ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)
