"""Every implementation of banded attention equals the reference, gradients included."""

import hypothesis
import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention
from longkeras.patterns import BandedPattern
from tests.ops.agreement import (
    PORTABLE,
    attention,
    check_against_reference,
    check_compiling_changes_nothing,
)
from tests.ops.cases import (
    TOLERANCES,
    Case,
    assert_close,
    cases,
    drawn,
    edge_cases,
)
from tests.ops.gradients import as_array

EDGE_CASES = {
    "a single position": Case(BandedPattern(3, 3), length=1, globals_="one"),
    "a window of one": Case(BandedPattern(0, 0), length=9),
    "a window wider than the text": Case(BandedPattern(90, 90), length=17),
    "a dilation longer than the text": Case(BandedPattern(2, 2, 50), length=20),
    "length 63": Case(BandedPattern(16, 0), length=63),
    "length 64": Case(BandedPattern(16, 16), length=64),
    "length 65": Case(BandedPattern(16, 7), length=65, padding="holes"),
    "looking ahead only": Case(BandedPattern(0, 20), length=100, padding="left"),
    "a dilation per head": Case(BandedPattern(9, 0, (1, 3)), length=130),
    "heads grouped and dilated": Case(
        BandedPattern(5, 5, (2, 1, 2, 7)), length=77, groups=2, padding="right"
    ),
    "a history in front": Case(BandedPattern(30, 0), length=70, query_start=45),
    "a dilated history": Case(
        BandedPattern(11, 2, (1, 4)), length=50, query_start=33, padding="holes"
    ),
    "a row of nothing but padding": Case(
        BandedPattern(40, 40), length=150, padding="whole_row"
    ),
    "NaN in the padding": Case(
        BandedPattern(20, 20, (1, 2)), length=90, padding="holes", is_poisoned=True
    ),
    "one global key": Case(BandedPattern(16, 16), length=65, globals_="one"),
    "a global mask of nothing": Case(
        BandedPattern(7, 2), length=40, globals_="nowhere", padding="whole_row"
    ),
    "more global keys than any chunk holds": Case(
        BandedPattern(8, 8), length=300, globals_=150
    ),
    "global keys from none to all": Case(
        BandedPattern(20, 20, (1, 3)), length=90, batch=3, globals_="differs"
    ),
    "global keys that later queries alone see": Case(
        BandedPattern(4, 0, (3, 1)),
        length=70,
        query_start=33,
        padding="left",
        globals_="many",
        is_poisoned=True,
    ),
    "documents packed, with global keys": Case(
        BandedPattern(24, 24), length=130, documents="packed", globals_="few"
    ),
    "documents mixed up": Case(
        BandedPattern(3, 9, (2, 5)), length=60, documents="scattered", query_start=7
    ),
    "dropout": Case(BandedPattern(32, 32), length=100, dropout=0.3),
    "everything at once": Case(
        BandedPattern(10, 0, (1, 2, 3, 2)),
        length=100,
        query_start=21,
        groups=2,
        padding="holes",
        globals_="differs",
        documents="packed",
        dropout=0.2,
        is_poisoned=True,
        seed=4,
    ),
}


QUICK_ON_JAX = (
    "length 65",
    "a dilated history",
    "NaN in the padding",
    "more global keys than any chunk holds",
    "everything at once",
)


@pytest.mark.parametrize("case", edge_cases(EDGE_CASES, QUICK_ON_JAX))
def test_implementations_equal_the_reference_at_the_edges(case):
    check_against_reference(case)


@drawn(12)
@hypothesis.given(cases(max_length=160))
def test_implementations_equal_the_reference_on_any_case(case):
    check_against_reference(case)


@pytest.mark.slow
@drawn(30)
@hypothesis.given(cases(dtypes=tuple(TOLERANCES)))
def test_implementations_equal_the_reference_on_many_cases(case):
    check_against_reference(case)


@pytest.mark.slow
@pytest.mark.parametrize("globals_", ["none", 130])
@pytest.mark.parametrize("attention_window", [32, 512])
@pytest.mark.parametrize("length", [1000, 2049])
def test_implementations_equal_the_reference_on_long_texts(
    length, attention_window, globals_
):
    pattern = BandedPattern.bidirectional(attention_window, dilation=(1, 3))

    check_against_reference(
        Case(pattern, length, batch=1, padding="right", globals_=globals_)
    )


@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_implementations_equal_the_reference_in_half_precision(dtype):
    case = Case(
        BandedPattern(40, 40, (1, 3)),
        length=150,
        padding="right",
        globals_="few",
        dropout=0.1,
        dtype=dtype,
    )

    check_against_reference(case)


# The same program with global rows is compiled in the short suite, see
# test_longformer_attention.py.
@pytest.mark.slow
def test_compiling_changes_nothing():
    case = Case(
        BandedPattern(12, 5, 2),
        length=40,
        padding="holes",
        globals_="few",
        documents="packed",
        dropout=0.2,
    )

    check_compiling_changes_nothing(case, "blocked")


@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("implementation", ["auto", *PORTABLE])
def test_a_length_unknown_while_tracing_is_served(implementation):
    case = Case(
        BandedPattern(20, 3, (1, 2)), 67, padding="right", globals_=5, dropout=0.1
    )
    query = keras.Input((None, case.num_heads, case.head_dim))
    masks = [keras.Input((None,), dtype="bool") for _ in range(2)]
    outputs = banded_attention(
        query,
        query,
        query,
        case.pattern,
        padding_mask=masks[0],
        global_mask=masks[1],
        dropout=case.dropout,
        seed=case.seed,
        implementation=implementation,
    )
    model = keras.Model([query, *masks], outputs)
    array = case.arrays()[0]

    answer = model([array, case.padding_mask(), case.global_mask()])

    expected = case.expected([array] * 3)
    assert_close(as_array(answer), expected, TOLERANCES["float32"][0])


@pytest.mark.slow_on("jax")
def test_a_seed_generator_is_drawn_from_once_a_call():
    case = Case(BandedPattern(8, 8), length=40, globals_="few", dropout=0.5)
    generator, twin = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)

    for _ in range(2):
        attend = attention(case, "auto", seed=generator)
        expected = attention(case, seed=twin)(*case.tensors())
        answer = attend(*case.tensors())
        assert_close(as_array(answer), as_array(expected), TOLERANCES["float32"][0])


@pytest.mark.parametrize("implementation", PORTABLE)
def test_a_seed_may_be_a_tensor(implementation):
    case = Case(BandedPattern(8, 8), length=40, dropout=0.5, seed=9)
    seed = ops.convert_to_tensor(9, dtype="int32")

    answer = attention(case, implementation, seed=seed)(*case.tensors())

    assert_close(as_array(answer), case.expected(), TOLERANCES["float32"][0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pattern": 3}, "`pattern` must be"),
        ({"pattern": BandedPattern(1, 1, (1, 2, 3))}, "`pattern` must have one"),
        ({"implementation": "fast"}, "`implementation` must be"),
        ({"query": np.zeros((1, 8, 2), "float32")}, "must have four axes"),
        ({"query": np.zeros((1, 8, 3, 4), "float32")}, "divides the query's"),
        ({"query": np.zeros((1, 9, 2, 4), "float32")}, "`query_start` must be"),
        ({"value": np.zeros((1, 7, 2, 4), "float32")}, "must have one shape"),
        ({"padding_mask": np.ones((8,), bool)}, "`padding_mask` must have"),
        ({"padding_mask": np.ones((1, 7), bool)}, "`padding_mask` must have"),
        ({"global_mask": np.ones((1, 8, 1), bool)}, "`global_mask` must have"),
        ({"global_mask": np.ones((1, 9), bool)}, "`global_mask` must have"),
        ({"document_ids": np.ones((8,), "int32")}, "`document_ids` must have"),
        ({"dropout": 1.0, "seed": 1}, "`dropout` must"),
        ({"dropout": -0.1, "seed": 1}, "`dropout` must"),
        ({"dropout": 0.1}, "`seed`"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changes, message):
    tensor = np.zeros((1, 8, 2, 4), "float32")
    arguments = {
        "query": tensor,
        "key": tensor,
        "value": tensor,
        "pattern": BandedPattern(1, 1),
    }

    with pytest.raises(ValueError, match=message):
        banded_attention(**(arguments | changes))
