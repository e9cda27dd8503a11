"""Attention problems of every kind, drawn by hypothesis or spelled out."""

import dataclasses

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops

from longkeras.patterns import BandedPattern
from tests.ops import oracle

# The largest |difference| / (1 + |expected|) allowed, per dtype: forward, gradient.
TOLERANCES = {
    "float32": (1e-5, 5e-5),
    "bfloat16": (3e-2, 6e-2),
    "float16": (4e-3, 1e-2),
}

PADDINGS = ("none", "all_real", "right", "left", "holes", "whole_row")
# "none" gives no mask, "nowhere" an empty one; "differs" goes from none to all.
GLOBALS = ("none", "nowhere", "one", "few", "many", "all", "differs")
DOCUMENTS = ("none", "one", "packed", "scattered")
POISONS = (np.nan, np.inf, -np.inf)


@dataclasses.dataclass(frozen=True)
class Case:
    """One attention problem; its tensors follow from it.

    `query_start` keys of history stand before the queries, and `kv_heads * groups`
    query heads share `kv_heads` key heads. With `has_global_rows` there are six
    tensors: global queries are answered from projections of their own.
    """

    pattern: BandedPattern
    length: int
    query_start: int = 0
    batch: int = 2
    kv_heads: int = 2
    groups: int = 1
    head_dim: int = 4
    padding: str = "none"
    globals_: str | int = "none"
    has_global_rows: bool = False
    documents: str = "none"
    dropout: float = 0.0
    is_poisoned: bool = False
    dtype: str = "float32"
    seed: int = 0

    @property
    def num_heads(self):
        return self.kv_heads * self.groups

    @property
    def key_length(self):
        return self.query_start + self.length

    @property
    def names(self):
        names = ("query", "key", "value")
        if self.has_global_rows:
            names += ("global_query", "global_key", "global_value")
        return names

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

    def global_mask(self):
        """bool `(batch, key_length)`, or None; padding may be marked as well."""
        if self.globals_ == "none":
            return None
        rng = np.random.default_rng(self.seed + 3)
        is_global = np.zeros((self.batch, self.key_length), bool)
        for number, row in enumerate(is_global):
            count = {
                "nowhere": 0,
                "one": 1,
                "few": 3,
                "many": (2 * self.key_length) // 3,
                "all": self.key_length,
                "differs": (self.key_length * number) // max(self.batch - 1, 1),
            }.get(self.globals_, self.globals_)
            row[rng.permutation(self.key_length)[:count]] = True
        return is_global

    def document_ids(self):
        """int32 `(batch, key_length)`, or None for `documents="none"`."""
        if self.documents == "none":
            return None
        rng = np.random.default_rng(self.seed + 4)
        shape = (self.batch, self.key_length)
        if self.documents == "one":
            return np.full(shape, 5, "int32")
        if self.documents == "scattered":
            return rng.integers(-1, 2, shape, dtype="int32")
        is_start = rng.random(shape) < 3 / self.key_length
        return np.cumsum(is_start, axis=1, dtype="int32")

    def arrays(self):
        """float32 query, key, value (and the global ones), poisoned if asked."""
        rng = np.random.default_rng(self.seed)
        query_shape = (self.batch, self.length, self.num_heads, self.head_dim)
        key_shape = (self.batch, self.key_length, self.kv_heads, self.head_dim)
        shapes = [query_shape, key_shape, key_shape] * (len(self.names) // 3)
        arrays = [rng.normal(size=shape).astype("float32") for shape in shapes]
        is_real = self.padding_mask()
        if self.is_poisoned and is_real is not None:
            for array in arrays:
                is_padding = ~is_real[:, -array.shape[1] :]
                poison = rng.choice(POISONS, size=array[is_padding].shape)
                array[is_padding] = poison
        return arrays

    def tensors(self):
        """`arrays` in the case's dtype."""
        return [ops.cast(ops.convert_to_tensor(x), self.dtype) for x in self.arrays()]

    def upstream(self):
        """A float32 weight for every output entry, to differentiate a number."""
        shape = (self.batch, self.length, self.num_heads, self.head_dim)
        rng = np.random.default_rng(self.seed + 2)
        return rng.normal(size=shape).astype("float32")

    def options(self):
        """The arguments of an attention op beside its tensors and the pattern."""
        options = {
            "padding_mask": self.padding_mask(),
            "global_mask": self.global_mask(),
            "document_ids": self.document_ids(),
        }
        if self.query_start:
            options["query_start"] = self.query_start
        if self.dropout:
            options |= {"dropout": self.dropout, "seed": self.seed}
        return options

    def expected(self, arrays=None):
        """The oracle's answer, to the case's own arrays or to others."""
        query, key, value, *global_rows = self.arrays() if arrays is None else arrays
        return oracle.attend(
            query,
            key,
            value,
            self.pattern.left,
            self.pattern.right,
            self.pattern.head_dilations(self.num_heads),
            is_real=self.padding_mask(),
            query_start=self.query_start,
            is_global=self.global_mask(),
            documents=self.document_ids(),
            global_rows=global_rows or None,
            dropout=self.dropout,
            seed=self.seed,
        )


@st.composite
def cases(draw, max_length=300, dtypes=("float32",), has_global_rows=False):
    """Any pattern, length, padding, global tokens, documents, dropout and heads."""
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
    history = st.just(0) if has_global_rows else st.integers(0, 40)
    return Case(
        pattern=pattern,
        length=draw(st.integers(1, max_length)),
        query_start=draw(st.one_of(st.just(0), history)),
        batch=draw(st.integers(1, 3)),
        kv_heads=kv_heads,
        groups=groups,
        padding=draw(st.sampled_from(PADDINGS)),
        globals_=draw(st.sampled_from(GLOBALS)),
        has_global_rows=has_global_rows,
        documents=draw(st.sampled_from(DOCUMENTS)),
        dropout=draw(st.sampled_from([0.0, 0.0, 0.1, 0.5])),
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


def edge_cases(named_cases, quick_on_jax):
    """Parameters of a test, slow on JAX except for the names given."""
    return [
        pytest.param(
            case,
            id=name,
            marks=[] if name in quick_on_jax else [pytest.mark.slow_on("jax")],
        )
        for name, case in named_cases.items()
    ]


def assert_close(actual, expected, tolerance, what=""):
    """Every entry finite and within `tolerance * (1 + |expected|)`."""
    assert np.isfinite(actual).all(), f"{what} holds NaN or infinity"
    np.testing.assert_allclose(
        actual, expected, rtol=tolerance, atol=tolerance, err_msg=what
    )
