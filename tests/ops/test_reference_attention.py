"""The dense reference against a float64 oracle written from the definition."""

import dataclasses

import hypothesis
import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import reference_attention
from longkeras.patterns import BandedPattern
from tests.ops.cases import TOLERANCES, Case, assert_close, cases, drawn
from tests.ops.gradients import as_array, compiled_once, outputs_and_gradients


def attend(case):
    def call(query, key, value, *global_rows):
        return reference_attention(
            query,
            key,
            value,
            case.pattern,
            **dict(zip(case.names[3:], global_rows, strict=True)),
            **case.options(),
        )

    return call


def check_against_oracle(case):
    answer = compiled_once(attend(case))(*case.tensors())

    assert_close(as_array(answer), case.expected(), TOLERANCES["float32"][0])


@drawn(16)
@hypothesis.given(cases(max_length=30))
def test_reference_answers_as_the_oracle(case):
    check_against_oracle(case)


@drawn(16)
@hypothesis.given(cases(max_length=30, has_global_rows=True))
def test_reference_answers_global_rows_as_the_oracle(case):
    check_against_oracle(case)


@pytest.mark.slow
@drawn(60)
@hypothesis.given(cases(max_length=300), cases(max_length=300, has_global_rows=True))
def test_reference_answers_as_the_oracle_on_longer_texts(case, case_with_rows):
    check_against_oracle(case)
    check_against_oracle(case_with_rows)


SMALL_CASES = {
    "padding": Case(BandedPattern(2, 1), length=5, padding="holes", seed=3),
    "a padded row": Case(BandedPattern(1, 1, (1, 2)), length=5, padding="whole_row"),
    "a history": Case(
        BandedPattern(3, 0, 2), length=3, query_start=4, kv_heads=1, groups=2
    ),
    "global keys": Case(
        BandedPattern(1, 0), length=6, globals_="differs", padding="right"
    ),
    "global rows": Case(
        BandedPattern(1, 1), length=6, globals_=2, has_global_rows=True, seed=1
    ),
    "everything": Case(
        BandedPattern(1, 0, (1, 2)),
        length=7,
        padding="right",
        globals_=3,
        has_global_rows=True,
        documents="packed",
        dropout=0.3,
        seed=5,
    ),
}


@pytest.mark.parametrize("case", SMALL_CASES.values(), ids=SMALL_CASES.keys())
def test_reference_gradients_are_the_oracles_finite_differences(case):
    arrays, upstream = case.arrays(), case.upstream()
    _, gradients = outputs_and_gradients(attend(case), case.tensors(), upstream)

    rng = np.random.default_rng(0)
    for position, gradient in enumerate(gradients):
        for index in rng.permutation(list(np.ndindex(gradient.shape)))[:24]:
            index = tuple(index)
            expected = central_difference(case, arrays, upstream, position, index)
            what = f"{case.names[position]} at {index}"
            assert_close(gradient[index], expected, 2e-5, what)


def central_difference(case, arrays, upstream, position, index, step=1e-4):
    totals = []
    for sign in (1, -1):
        moved = [array.astype("float64") for array in arrays]
        moved[position][index] += sign * step
        totals.append((case.expected(moved) * upstream).sum())
    return (totals[0] - totals[1]) / (2 * step)


@drawn(10)
@hypothesis.given(cases(max_length=30, has_global_rows=True))
def test_padding_gets_zeros_and_gives_none_whatever_it_holds(case):
    case = dataclasses.replace(case, padding="holes", is_poisoned=True)
    is_padding = ~case.padding_mask()

    answer, gradients = outputs_and_gradients(
        attend(case), case.tensors(), case.upstream()
    )

    assert np.isfinite(answer).all()
    assert not answer[is_padding].any()
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert not gradient[is_padding].any()


def test_reference_is_exact_enough_for_float64():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX computes in 32 bits unless told otherwise at start")
    case = Case(
        BandedPattern(4, 2, (1, 3)),
        length=20,
        padding="right",
        globals_="differs",
        has_global_rows=True,
        dropout=0.2,
        dtype="float64",
    )

    answer = as_array(attend(case)(*case.tensors()))

    assert answer.dtype == "float64"
    assert_close(answer, case.expected(), 1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reference_computes_in_float32_and_answers_in_the_inputs_dtype(dtype):
    case = Case(
        BandedPattern(9, 9),
        length=30,
        globals_="few",
        has_global_rows=True,
        dtype=dtype,
    )
    tensors, attend_once = case.tensors(), compiled_once(attend(case))

    answer = attend_once(*tensors)

    assert keras.backend.standardize_dtype(answer.dtype) == dtype
    in_float32 = attend_once(*(ops.cast(x, "float32") for x in tensors))
    assert_close(as_array(answer), as_array(ops.cast(in_float32, dtype)), 1e-7)


def test_scale_replaces_the_square_root_of_head_dim():
    case = Case(BandedPattern(3, 3), length=9, head_dim=16)
    query, key, value = case.arrays()

    def scaled(*tensors):
        return reference_attention(*tensors, case.pattern, scale=0.5)

    answer = compiled_once(scaled)(*case.tensors())

    # The default scale is a quarter.
    expected = case.expected([query * 2.0, key, value])
    assert_close(as_array(answer), expected, TOLERANCES["float32"][0])


def test_reference_works_symbolically_with_an_unknown_length():
    case = Case(BandedPattern(3, 1), 11, globals_="few", documents="packed")
    shape = (None, case.num_heads, case.head_dim)
    inputs = [
        keras.Input(shape),
        keras.Input((None,), dtype="bool"),
        keras.Input((None,), dtype="int32"),
    ]
    query, global_mask, document_ids = inputs
    outputs = reference_attention(
        query,
        query,
        query,
        case.pattern,
        global_mask=global_mask,
        document_ids=document_ids,
        global_query=query,
        global_key=query,
        global_value=query,
    )
    model = keras.Model(inputs, outputs)
    array = case.arrays()[0]

    answer = as_array(model([array, case.global_mask(), case.document_ids()]))

    case = dataclasses.replace(case, has_global_rows=True)
    assert_close(answer, case.expected([array] * 6), TOLERANCES["float32"][0])


def test_arguments_that_make_no_sense_are_refused():
    query, key = ops.zeros((1, 4, 3, 2)), ops.zeros((1, 4, 2, 2))
    pattern = BandedPattern(1, 1)

    with pytest.raises(ValueError, match="must divide"):
        reference_attention(query, key, key, pattern)
    with pytest.raises(ValueError, match="one value per head"):
        reference_attention(query, query, query, BandedPattern(1, 1, (1, 2)))
    with pytest.raises(ValueError, match=r"must be given together.*global_value=None"):
        reference_attention(
            query, query, query, pattern, global_query=query, global_key=query
        )
    with pytest.raises(ValueError, match="`seed` must be given with dropout"):
        reference_attention(query, query, query, pattern, dropout=0.5)
    with pytest.raises(ValueError, match=r"`dropout` must lie in \[0, 1\)"):
        reference_attention(query, query, query, pattern, dropout=1.0, seed=1)
