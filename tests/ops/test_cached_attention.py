"""Reading in parts, with global tokens, against the full pass of the NumPy oracle."""

import dataclasses

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops, tree

from longkeras.ops.decoding import global_cache, prompt_cache
from longkeras.ops.decoding.cached_attention import (
    attend_chunk,
    attend_global_rows,
    attend_step,
)
from longkeras.patterns import BandedPattern
from tests.ops import oracle
from tests.ops.cases import TOLERANCES, assert_close, drawn
from tests.ops.gradients import as_array, compiled, compiled_once

BATCH_SIZE = 3
HEAD_DIM = 4


@dataclasses.dataclass(frozen=True)
class Reading:
    """A prompt read chunk by chunk, then decoded step by step.

    `prompts` are the rows' lengths, padded on one side to the longest and cut there
    into chunks; `globals_at` are each row's global positions. Decoding goes on until
    the ring has come round twice.
    """

    pattern: BandedPattern
    prompts: tuple = (9, 4, 7)
    globals_at: tuple | None = ((0, 6), (), (2, 3, 5))
    chunk: int = 4
    padding: str = "right"
    kv_heads: int = 2
    groups: int = 1
    num_steps: int | None = None
    scale: float | None = None
    has_rows: bool = False  # global tokens answer through their own projections
    dtype: str = "float32"
    seed: int = 0

    @property
    def num_heads(self):
        return self.kv_heads * self.groups

    @property
    def steps(self):
        wraps = 2 * self.pattern.ring_slots
        return wraps if self.num_steps is None else self.num_steps

    @property
    def length(self):
        return max(self.prompts) + self.steps

    def text(self, seed=0):
        """float32 query, key and value of every position, rows without padding."""
        rng = np.random.default_rng([self.seed, seed])
        shape = (BATCH_SIZE, self.length)
        heads = (self.num_heads, self.kv_heads, self.kv_heads)
        arrays = [rng.normal(size=(*shape, n, HEAD_DIM)) for n in heads]
        # What the dtype can hold, so that only the computation differs.
        return [as_array(ops.cast(x.astype("float32"), self.dtype)) for x in arrays]

    def is_global(self):
        """bool `(batch, length)`."""
        mask = np.zeros((BATCH_SIZE, self.length), bool)
        for row, positions in enumerate(self.globals_at or ()):
            mask[row, list(positions)] = True
        return mask

    def full_pass(self):
        """What the oracle answers at every position."""
        return oracle.attend(
            *self.text(),
            left=self.pattern.left,
            right=0,
            head_dilations=self.pattern.head_dilations(self.num_heads),
            is_global=self.is_global(),
            global_rows=self.text(seed=1) if self.has_rows else None,
            scale=self.scale,
        )

    def chunks(self):
        """Positions of each chunk's tokens, valid ones first, and how many are."""
        longest = max(self.prompts)
        columns = np.full((BATCH_SIZE, -(-longest // self.chunk) * self.chunk), -1)
        for row, length in enumerate(self.prompts):
            first = longest - length if self.padding == "left" else 0
            columns[row, first : first + length] = np.arange(length)
        for chunk in np.split(columns, columns.shape[1] // self.chunk, axis=1):
            order = np.argsort(chunk < 0, axis=1, kind="stable")
            positions = np.take_along_axis(chunk, order, axis=1)
            yield positions, (positions >= 0).sum(axis=1).astype("int32")


class Decoder:
    """Reads as a layer would; keeps what was answered at each position.

    Args:
        reading: `Reading`.
        compile_function: what makes the chunk's and the step's function quick.
        capacity: int. Places of the store. By default as many as are needed.
    """

    def __init__(self, reading, compile_function=compiled_once, capacity=None):
        self.reading = reading
        self.rows = np.arange(BATCH_SIZE)
        mask = reading.is_global()
        kv_heads, dtype = reading.kv_heads, reading.dtype
        shape = (BATCH_SIZE, reading.pattern.ring_slots, kv_heads, HEAD_DIM)
        self.state = {"rings": (ops.zeros(shape, dtype), ops.zeros(shape, dtype))}
        self.state["position"] = ops.zeros((BATCH_SIZE,), "int32")
        if reading.globals_at is not None:
            capacity = capacity or max(global_cache.needed_capacity(mask), 1)
            self.state["global_kv"] = global_cache.empty(
                BATCH_SIZE, capacity, kv_heads, HEAD_DIM, dtype
            )
        if reading.has_rows:
            self.state["prompt"] = prompt_cache.empty(
                BATCH_SIZE,
                prompt_cache.needed_capacity(mask),
                kv_heads,
                HEAD_DIM,
                dtype,
            )
        self.text = [*reading.text(), *(reading.text(1) if reading.has_rows else ())]
        self.is_global = mask
        self.answered = np.full(self.text[0].shape, np.nan)
        self.chunk_function = compile_function(self._chunk)
        self.step_function = compile_function(self._step)

    def read_prompt(self):
        for positions, lengths in self.reading.chunks():
            valid = positions >= 0
            # Padding holds NaN, and is called global: neither may matter.
            parts = [
                np.where(valid[:, :, None, None], self._at(x, positions), np.nan)
                for x in self.text
            ]
            is_global = np.where(valid, self._at(self.is_global, positions), True)
            output, self.state = self.chunk_function(
                self._tensors(parts),
                ops.convert_to_tensor(is_global & valid),
                ops.convert_to_tensor(lengths),
                self.state,
            )
            output = as_array(output)
            assert (output[~valid] == 0).all()
            for row, columns in enumerate(valid):
                self.answered[row, positions[row, columns]] = output[row, columns]
        return self

    def decode(self, num_steps):
        self.state.pop("prompt", None)
        places = np.array(self.reading.prompts)
        for _ in range(num_steps):
            parts = [x[self.rows, places] for x in self.text[:3]]
            output, self.state = self.step_function(self._tensors(parts), self.state)
            self.answered[self.rows, places] = as_array(output)
            places = places + 1
        return self

    def _at(self, x, positions):
        return x[self.rows[:, None], np.maximum(positions, 0)]

    def _tensors(self, arrays):
        return [ops.cast(x.astype("float32"), self.reading.dtype) for x in arrays]

    def _chunk(self, parts, is_global, lengths, state):
        reading, state = self.reading, dict(state)
        position = state["position"]
        if "global_kv" in state:
            state["global_kv"] = global_cache.extend(
                state["global_kv"], position, *parts[1:3], is_global
            )
        output, state["rings"] = attend_chunk(
            *parts[:3],
            state["rings"],
            position,
            lengths,
            reading.pattern,
            global_kv=state.get("global_kv"),
            scale=reading.scale,
        )
        if "prompt" in state:
            query, key, value = parts[3:]
            state["prompt"] = prompt_cache.extend(
                state["prompt"], position, lengths, key, value, is_global
            )
            output = attend_global_rows(
                output, query, state["prompt"], position, is_global, reading.scale
            )
        state["position"] = position + lengths
        return output, state

    def _step(self, parts, state):
        state = dict(state)
        output, state["rings"] = attend_step(
            *parts,
            state["rings"],
            state["position"],
            self.reading.pattern,
            global_kv=state.get("global_kv"),
            scale=self.reading.scale,
        )
        state["position"] = state["position"] + 1
        return output, state


def check_equals_the_full_pass(reading, **kwargs):
    decoder = Decoder(reading, **kwargs).read_prompt().decode(reading.steps)
    expected, tolerance = reading.full_pass(), TOLERANCES[reading.dtype][0]
    for row, length in enumerate(reading.prompts):
        part = slice(0, length + reading.steps)
        assert_close(decoder.answered[row, part], expected[row, part], tolerance)
    return decoder


PLAIN = BandedPattern.causal(4)
DILATED = BandedPattern.causal(3, dilation=(1, 3))
READINGS = {
    "no_store": Reading(PLAIN, globals_at=None),
    "no_globals": Reading(PLAIN, globals_at=((), (), ()), chunk=3),
    "globals_in_the_window": Reading(PLAIN, globals_at=((8,), (3,), (6, 5))),
    "globals_outside_it": Reading(PLAIN, globals_at=((0,), (0,), (1,)), chunk=1),
    "globals_everywhere": Reading(PLAIN, globals_at=(range(9), range(4), (0, 1, 2))),
    "dilation_per_head": Reading(DILATED, chunk=3, padding="left"),
    "grouped_heads": Reading(
        BandedPattern.causal(3, dilation=(1, 2, 1, 3)), groups=2, scale=0.3
    ),
    "chunk_larger_than_the_ring": Reading(DILATED, prompts=(17, 1, 12), chunk=12),
    "left_padding": Reading(PLAIN, padding="left", chunk=12),
    "an_empty_prompt": Reading(PLAIN, prompts=(9, 0, 7), padding="left"),
    "window_of_one": Reading(BandedPattern.causal(1), num_steps=4),
    "window_wider_than_the_text": Reading(BandedPattern.causal(40), num_steps=5),
}


# JAX compiles two programs for each: there only these are quick enough.
SHORT_ON_JAX = ("no_store", "globals_outside_it", "dilation_per_head")


def slow_on_jax(name):
    is_slow = keras.backend.backend() == "jax" and name not in SHORT_ON_JAX
    return pytest.param(name, marks=[pytest.mark.slow] * is_slow)


@pytest.mark.parametrize("name", [slow_on_jax(name) for name in READINGS])
def test_chunks_and_steps_equal_the_full_pass_at_every_position(name):
    check_equals_the_full_pass(READINGS[name])


@pytest.mark.parametrize(
    "padding", ["left", pytest.param("right", marks=pytest.mark.slow)]
)
def test_global_rows_of_a_prompt_in_chunks_equal_the_full_pass(padding):
    reading = Reading(
        DILATED,
        prompts=(25, 4, 20),
        globals_at=((0, 6, *range(8, 25)), (3,), (19,)),
        chunk=20,
        groups=1,
        padding=padding,
        num_steps=2,
        has_rows=True,
    )
    check_equals_the_full_pass(reading)


def test_bfloat16_is_as_exact_as_it_can_be():
    check_equals_the_full_pass(
        dataclasses.replace(READINGS["grouped_heads"], dtype="bfloat16")
    )


COMPILED_READING = Reading(
    DILATED,
    globals_at=(range(9), (3,), (2, 6)),
    padding="left",
    num_steps=3,
    has_rows=True,
)


def test_compiled_reading_equals_the_full_pass():
    check_equals_the_full_pass(COMPILED_READING, compile_function=compiled)


# Eager JAX compiles every operation by itself. On TensorFlow and PyTorch the tests
# above are eager.
@pytest.mark.slow
def test_eager_reading_equals_the_full_pass():
    check_equals_the_full_pass(COMPILED_READING, compile_function=lambda x: x)


@st.composite
def readings(draw):
    """Any window, dilation, prompt lengths, global tokens and chunks."""
    kv_heads, groups = draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]))
    dilation = st.integers(1, 4)
    heads = kv_heads * groups
    per_head = st.lists(dilation, min_size=heads, max_size=heads)
    prompts = draw(st.tuples(*[st.integers(0, 14)] * BATCH_SIZE).filter(any))
    globals_at = tuple(
        tuple(draw(st.sets(st.integers(0, max(n - 1, 0)), max_size=n))) for n in prompts
    )
    if not any(globals_at):
        globals_at = None
    return Reading(
        BandedPattern.causal(draw(st.integers(1, 6)), draw(dilation | per_head)),
        prompts=prompts,
        globals_at=globals_at,
        chunk=draw(st.integers(1, 20)),
        padding=draw(st.sampled_from(["left", "right"])),
        kv_heads=kv_heads,
        groups=groups,
        num_steps=draw(st.integers(0, 6)),
        has_rows=globals_at is not None and draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )


@drawn(4)
@hypothesis.given(reading=readings())
def test_any_reading_equals_the_full_pass(reading):
    check_equals_the_full_pass(reading)


@pytest.mark.slow
@drawn(35)
@hypothesis.given(reading=readings())
def test_many_readings_equal_the_full_pass(reading):
    check_equals_the_full_pass(reading)


def test_rows_of_the_state_can_be_gathered():
    reading = READINGS["dilation_per_head"]
    decoder = Decoder(reading).read_prompt()
    order = np.array([2, 0, 0])
    gathered = tree.map_structure(
        lambda x: ops.convert_to_tensor(ops.convert_to_numpy(x)[order]), decoder.state
    )
    places = np.array(reading.prompts)[order]
    parts = [x[order, places] for x in decoder.text]
    output, state = decoder.step_function(decoder._tensors(parts), gathered)
    assert_close(as_array(output), reading.full_pass()[order, places], 1e-5)
    for before, after in zip(tree.flatten(gathered), tree.flatten(state), strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="nothing is compiled on PyTorch"
)
def test_compiled_reading_counts_the_globals_it_had_no_place_for():
    reading = READINGS["globals_everywhere"]
    decoder = Decoder(reading, compile_function=compiled, capacity=5)
    store = decoder.read_prompt().state["global_kv"]
    assert as_array(store.count).tolist() == [9, 4, 3]
    with pytest.raises(ValueError, match="capacity=5 with 9 global tokens"):
        global_cache.check_capacity(store)
