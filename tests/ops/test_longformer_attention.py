"""Global rows through their own projections: every implementation, six gradients."""

import hypothesis
import keras
import numpy as np
import pytest

from longkeras.ops import longformer_attention
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


def longformer_case(pattern, length, **options):
    return Case(pattern, length, has_global_rows=True, **options)


EDGE_CASES = {
    "a single position": longformer_case(BandedPattern(1, 1), 1, globals_="all"),
    "no global mask": longformer_case(BandedPattern(9, 9), 30),
    "a global mask of nothing": longformer_case(
        BandedPattern(9, 9), 70, globals_="nowhere", padding="right"
    ),
    "one global position": longformer_case(BandedPattern(16, 16), 65, globals_="one"),
    "every position global": longformer_case(
        BandedPattern(4, 4, (1, 3)), 80, globals_="all", padding="holes"
    ),
    "more global positions than any chunk holds": longformer_case(
        BandedPattern(8, 8), 300, batch=1, kv_heads=1, globals_=150
    ),
    "from none to all": longformer_case(
        BandedPattern(20, 20), 90, batch=3, globals_="differs", padding="left"
    ),
    "causal, grouped heads": longformer_case(
        BandedPattern(12, 0, (1, 3, 2, 1)), 77, groups=2, globals_="many"
    ),
    "documents packed": longformer_case(
        BandedPattern(24, 24), 130, documents="packed", globals_="few"
    ),
    "dropout": longformer_case(BandedPattern(32, 32), 100, globals_=9, dropout=0.3),
    "everything at once": longformer_case(
        BandedPattern(10, 0, (1, 2)),
        60,
        kv_heads=1,
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
    "no global mask",
    "from none to all",
    "everything at once",
)


@pytest.mark.parametrize("case", edge_cases(EDGE_CASES, QUICK_ON_JAX))
def test_implementations_equal_the_reference_at_the_edges(case):
    check_against_reference(case)


@drawn(8)
@hypothesis.given(cases(max_length=100, has_global_rows=True))
def test_implementations_equal_the_reference_on_any_case(case):
    check_against_reference(case)


@pytest.mark.slow
@drawn(30)
@hypothesis.given(cases(dtypes=tuple(TOLERANCES), has_global_rows=True))
def test_implementations_equal_the_reference_on_many_cases(case):
    check_against_reference(case)


@pytest.mark.slow
@pytest.mark.parametrize("globals_", [1, 130])
@pytest.mark.parametrize("pattern", [BandedPattern(256, 256), BandedPattern(31, 0, 3)])
def test_implementations_equal_the_reference_on_long_texts(pattern, globals_):
    check_against_reference(
        longformer_case(pattern, 1500, batch=1, padding="right", globals_=globals_)
    )


@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_implementations_equal_the_reference_in_half_precision(dtype):
    case = longformer_case(
        BandedPattern(40, 40), 150, padding="right", globals_="few", dtype=dtype
    )

    check_against_reference(case)


@pytest.mark.slow_on("tensorflow")
@pytest.mark.slow_on("jax")
def test_compiling_changes_nothing():
    case = longformer_case(
        BandedPattern(12, 5, 2),
        40,
        padding="holes",
        globals_="few",
        documents="packed",
        dropout=0.2,
    )

    check_compiling_changes_nothing(case, "blocked")


@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("implementation", ["auto", *PORTABLE])
def test_a_length_unknown_while_tracing_is_served(implementation):
    case = longformer_case(
        BandedPattern(20, 3, (1, 2)), 67, padding="right", globals_=5, dropout=0.1
    )
    query = keras.Input((None, case.num_heads, case.head_dim))
    masks = [keras.Input((None,), dtype="bool") for _ in range(2)]
    outputs = longformer_attention(
        *[query] * 6,
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

    expected = case.expected([array] * 6)
    assert_close(as_array(answer), expected, TOLERANCES["float32"][0])


@pytest.mark.slow_on("jax")
def test_a_seed_generator_is_drawn_from_once_a_call():
    case = longformer_case(BandedPattern(8, 8), 40, globals_="few", dropout=0.5)
    generator, twin = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)

    for _ in range(2):
        attend = attention(case, "auto", seed=generator)
        expected = attention(case, seed=twin)(*case.tensors())
        answer = attend(*case.tensors())
        assert_close(as_array(answer), as_array(expected), TOLERANCES["float32"][0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"global_query": np.zeros((1, 7, 2, 4), "float32")}, "`global_query` must"),
        ({"global_query": np.zeros((1, 8, 3, 4), "float32")}, "divides the query's"),
        ({"global_key": np.zeros((1, 7, 2, 4), "float32")}, "`global_key` and `gl"),
        ({"global_value": np.zeros((1, 8, 2, 3), "float32")}, "`global_key` and `gl"),
        ({"global_mask": np.ones((1, 9), bool)}, "`global_mask` must have"),
        ({"dropout": 0.1}, "`seed`"),
        ({"implementation": "fast"}, "`implementation` must be"),
        ({"pattern": None}, "`pattern` must be"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changes, message):
    names = ("query", "key", "value", "global_query", "global_key", "global_value")
    arguments = dict.fromkeys(names, np.zeros((1, 8, 2, 4), "float32"))
    arguments |= {"pattern": BandedPattern(1, 1)}

    with pytest.raises(ValueError, match=message):
        longformer_attention(**(arguments | changes))
