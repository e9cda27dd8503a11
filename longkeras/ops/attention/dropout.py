"""Attention dropout that does not depend on the order of computation.

Whether a weight is kept is a 32-bit hash (the finaliser of MurmurHash3) of the seed,
the row of the batch, the head, and the positions of query and key. So tiles, chunks,
recomputed gradients and the dense reference drop the same weights without a mask.
"""

import keras
from keras import ops

from longkeras.ops.integer_hash import STEP, mixed


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
        return mixed(state[0]) + state[1]
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
    rows = mixed(seed + STEP * ops.arange(1, batch_size + 1, dtype="int32"))
    queries = mixed(rows[:, None] + STEP * positions)  # (batch, queries)
    heads = STEP * ops.arange(1, num_heads + 1, dtype="int32")
    return mixed(queries[:, :, None] + heads)


def key_numbers(positions):
    """A number for every key: int32 of the shape of `positions`."""
    return mixed(STEP * (ops.cast(positions, "int32") + 1))


def kept(query_numbers, key_numbers, rate):
    """Which weights stay: broadcasts the two numbers against each other.

    Args:
        query_numbers: int32 tensor, see `query_numbers`.
        key_numbers: int32 tensor, see `key_numbers`.
        rate: float in [0, 1), the share that is dropped.

    Returns:
        bool tensor.
    """
    drawn = mixed(ops.bitwise_xor(query_numbers, key_numbers))
    return ops.bitwise_and(drawn, 2**31 - 1) >= int(rate * 2**31)
