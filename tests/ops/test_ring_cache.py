"""The ring against a list that forgets nothing."""

import hypothesis
import numpy as np
from hypothesis import strategies as st
from keras import ops

from longkeras.ops.decoding import ring_cache
from tests.ops.cases import drawn

HEADS, HEAD_DIM = 2, 2


def entry(row, position):
    """A recognisable entry: what stands at a position of a row."""
    return np.full((HEADS, HEAD_DIM), 1000.0 * row + position, "float32")


@drawn(12)
@hypothesis.given(
    num_slots=st.integers(1, 7),
    chunks=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5
    ),
)
def test_ring_holds_the_last_positions_of_rows_that_advance_apart(num_slots, chunks):
    ring = ops.zeros((2, num_slots, HEADS, HEAD_DIM))
    written = np.zeros(2, "int32")
    for lengths in chunks:
        entries = np.zeros((2, max(*lengths, 1), HEADS, HEAD_DIM), "float32")
        for row, length in enumerate(lengths):
            for i in range(length):
                entries[row, i] = entry(row, written[row] + i)
        position = ops.convert_to_tensor(written)
        lengths = np.array(lengths, "int32")
        ring = ring_cache.extend(
            ring,
            position,
            ops.convert_to_tensor(entries),
            ops.convert_to_tensor(lengths),
        )
        written = written + lengths

    position = ops.convert_to_tensor(written)
    held = ops.convert_to_numpy(ring_cache.slot_positions(position, num_slots))
    last, mask = map(
        ops.convert_to_numpy, ring_cache.history(ring, position, num_slots)
    )
    values = ops.convert_to_numpy(ring)
    for row in range(2):
        count = min(written[row], num_slots)
        expected = np.arange(written[row] - count, written[row])
        assert sorted(held[row][held[row] >= 0]) == list(expected)
        for slot, stood in enumerate(held[row]):
            if stood >= 0:
                np.testing.assert_array_equal(values[row, slot], entry(row, stood))
        assert mask[row].sum() == count
        for i, stood in enumerate(expected):
            place = num_slots - count + i
            np.testing.assert_array_equal(last[row, place], entry(row, stood))


def test_one_entry_is_written_as_a_chunk_of_one():
    rng = np.random.default_rng(0)
    shape = (3, 4, HEADS, HEAD_DIM)
    ring = ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))
    entries = ops.convert_to_tensor(rng.normal(size=(3, *shape[2:])).astype("float32"))
    position = ops.convert_to_tensor(np.array([0, 3, 6], "int32"))

    one = ring_cache.write(ring, position, entries)

    chunk = ring_cache.extend(
        ring, position, entries[:, None], ops.ones((3,), dtype="int32")
    )
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (one, chunk)))
