"""Attention problems of every kind, drawn by hypothesis or spelled out."""

import dataclasses

import hypothesis
import keras
import numpy as np
from hypothesis import strategies as st
from keras import ops

from longkeras.patterns import BandedPattern

# The largest |difference| / (1 + |expected|) allowed, per dtype: forward, gradient.
TOLERANCES = {
    "float32": (1e-5, 5e-5),
    "bfloat16": (3e-2, 6e-2),
    "float16": (4e-3, 1e-2),
}

PADDINGS = ("none", "all_real", "right", "left", "holes", "whole_row")


@dataclasses.dataclass(frozen=True)
class Case:
    """One attention problem; its tensors follow from it.

    `query_start` keys of history stand before the queries, and `kv_heads * groups`
    query heads share `kv_heads` key heads.
    """

    pattern: BandedPattern
    length: int
    query_start: int = 0
    batch: int = 2
    kv_heads: int = 2
    groups: int = 1
    head_dim: int = 4
    padding: str = "none"
    is_poisoned: bool = False
    dtype: str = "float32"
    seed: int = 0

    @property
    def num_heads(self):
        return self.kv_heads * self.groups

    @property
    def key_length(self):
        return self.query_start + self.length

    def padding_mask(self):
        """bool `(batch, key_length)`, or None for `padding="none"`."""
        if self.padding == "none":
            return None
        rng = np.random.default_rng(self.seed + 1)
        is_real = np.ones((self.batch, self.key_length), bool)
        for row in is_real:
            count = rng.integers(0, self.key_length)
            if self.padding == "right":
                row[len(row) - count :] = False
            elif self.padding == "left":
                row[:count] = False
            elif self.padding == "holes":
                row[rng.random(len(row)) < 0.3] = False
        if self.padding == "whole_row":
            is_real[-1] = False
        return is_real

    def arrays(self):
        """float32 query, key and value, NaN in the padding of a poisoned case."""
        rng = np.random.default_rng(self.seed)
        query_shape = (self.batch, self.length, self.num_heads, self.head_dim)
        key_shape = (self.batch, self.key_length, self.kv_heads, self.head_dim)
        arrays = [
            rng.normal(size=shape).astype("float32")
            for shape in (query_shape, key_shape, key_shape)
        ]
        is_real = self.padding_mask()
        if self.is_poisoned and is_real is not None:
            query, key, value = arrays
            query[~is_real[:, self.query_start :]] = np.nan
            key[~is_real] = np.nan
            value[~is_real] = np.nan
        return arrays

    def tensors(self):
        """`arrays` in the case's dtype."""
        return [ops.cast(ops.convert_to_tensor(x), self.dtype) for x in self.arrays()]

    def upstream(self):
        """A float32 weight for every output entry, to differentiate a number."""
        shape = (self.batch, self.length, self.num_heads, self.head_dim)
        rng = np.random.default_rng(self.seed + 2)
        return rng.normal(size=shape).astype("float32")


@st.composite
def cases(draw, max_length=300, dtypes=("float32",)):
    """Any pattern, length, dilation, causality, padding and head layout."""
    kv_heads, groups = draw(st.sampled_from([(1, 1), (2, 1), (1, 3), (2, 2)]))
    steps = st.one_of(st.integers(0, 8), st.integers(0, 90))
    dilation = st.one_of(st.just(1), st.integers(1, 7))
    per_head = st.lists(
        dilation, min_size=kv_heads * groups, max_size=kv_heads * groups
    )
    pattern = BandedPattern(
        left=draw(steps),
        right=draw(st.one_of(st.just(0), steps)),
        dilation=draw(st.one_of(dilation, per_head)),
    )
    return Case(
        pattern=pattern,
        length=draw(st.integers(1, max_length)),
        query_start=draw(st.one_of(st.just(0), st.integers(0, 40))),
        batch=draw(st.integers(1, 3)),
        kv_heads=kv_heads,
        groups=groups,
        padding=draw(st.sampled_from(PADDINGS)),
        is_poisoned=draw(st.booleans()),
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(st.integers(0, 2**16)),
    )


def drawn(max_examples):
    """Settings for so many examples: a quarter on JAX, which compiles every one."""
    if keras.backend.backend() == "jax":
        max_examples = max(max_examples // 4, 1)
    return hypothesis.settings(
        max_examples=max_examples, derandomize=True, deadline=None
    )


def assert_close(actual, expected, tolerance, what=""):
    """Every entry finite and within `tolerance * (1 + |expected|)`."""
    assert np.isfinite(actual).all(), f"{what} holds NaN or infinity"
    np.testing.assert_allclose(
        actual, expected, rtol=tolerance, atol=tolerance, err_msg=what
    )
