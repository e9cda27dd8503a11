"""The ring against a list that forgets nothing."""

import hypothesis
import numpy as np
from hypothesis import strategies as st
from keras import ops

from longkeras.ops import reference_attention, ring_cache
from longkeras.ops.cached_attention import attend_chunk, attend_step
from longkeras.patterns import BandedPattern
from tests.ops.cases import TOLERANCES, assert_close, drawn

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
            ring, position, ops.convert_to_tensor(entries), lengths
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


@drawn(8)
@hypothesis.given(
    window=st.integers(1, 6),
    dilation=st.one_of(st.integers(1, 3), st.tuples(*[st.integers(1, 3)] * HEADS)),
    chunks=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_chunks_and_steps_equal_attention_over_the_whole_text(
    window, dilation, chunks, seed
):
    pattern = BandedPattern.causal(window, dilation)
    num_steps = 3
    length = sum(chunks) + num_steps
    shape = (1, length, HEADS, HEAD_DIM)
    rng = np.random.default_rng(seed)
    query, key, value = (
        ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))
        for _ in range(3)
    )
    ring = ops.zeros((1, pattern.ring_slots, HEADS, HEAD_DIM))
    cache, position, outputs = (ring, ring), 0, []
    for chunk in chunks:
        part = slice(position, position + chunk)
        output, cache = attend_chunk(
            query[:, part],
            key[:, part],
            value[:, part],
            cache,
            ops.full((1,), position, dtype="int32"),
            ops.full((1,), chunk, dtype="int32"),
            pattern,
        )
        outputs.append(output)
        position += chunk
    for _ in range(num_steps):
        output, cache = attend_step(
            query[:, position],
            key[:, position],
            value[:, position],
            cache,
            ops.full((1,), position, dtype="int32"),
            pattern,
        )
        outputs.append(output[:, None])
        position += 1

    whole = reference_attention(query, key, value, pattern)

    in_parts = ops.convert_to_numpy(ops.concatenate(outputs, axis=1))
    assert_close(in_parts, ops.convert_to_numpy(whole), TOLERANCES["float32"][0])
