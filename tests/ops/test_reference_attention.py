"""The dense reference against a float64 oracle written from the definition."""

import dataclasses

import hypothesis
import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import reference_attention
from longkeras.patterns import BandedPattern
from tests.ops import oracle
from tests.ops.cases import TOLERANCES, Case, assert_close, cases, drawn
from tests.ops.gradients import as_array, compiled_once, outputs_and_gradients


def attend(case):
    def call(query, key, value):
        return reference_attention(
            query,
            key,
            value,
            case.pattern,
            padding_mask=case.padding_mask(),
            query_start=case.query_start,
        )

    return call


def expected_answer(case, arrays):
    return oracle.attend(
        *arrays,
        case.pattern.left,
        case.pattern.right,
        case.pattern.head_dilations(case.num_heads),
        case.padding_mask(),
        case.query_start,
    )


@drawn(25)
@hypothesis.given(cases(max_length=40))
def test_reference_answers_as_the_oracle(case):
    answer = compiled_once(attend(case))(*case.tensors())

    expected = expected_answer(case, case.arrays())
    assert_close(as_array(answer), expected, TOLERANCES["float32"][0])


SMALL_CASES = [
    Case(BandedPattern(2, 1), length=5, padding="holes", seed=3),
    Case(BandedPattern(1, 1, (1, 2)), length=5, padding="whole_row"),
    Case(BandedPattern(3, 0, 2), length=3, query_start=4, kv_heads=1, groups=2),
]


@pytest.mark.parametrize("case", SMALL_CASES)
def test_reference_gradients_are_the_oracles_finite_differences(case):
    arrays, upstream = case.arrays(), case.upstream()
    _, gradients = outputs_and_gradients(attend(case), case.tensors(), upstream)

    for position, gradient in enumerate(gradients):
        expected = np.zeros(gradient.shape)
        for index in np.ndindex(gradient.shape):
            expected[index] = central_difference(
                case, arrays, upstream, position, index
            )
        assert_close(gradient, expected, 2e-5)


def central_difference(case, arrays, upstream, position, index, step=1e-4):
    totals = []
    for sign in (1, -1):
        moved = [array.astype("float64") for array in arrays]
        moved[position][index] += sign * step
        totals.append((expected_answer(case, moved) * upstream).sum())
    return (totals[0] - totals[1]) / (2 * step)


@drawn(10)
@hypothesis.given(cases(max_length=30))
def test_padding_gets_zeros_and_gives_none_whatever_it_holds(case):
    case = dataclasses.replace(case, padding="holes", is_poisoned=True)
    is_padding = ~case.padding_mask()

    answer, (query_gradient, *key_and_value_gradients) = outputs_and_gradients(
        attend(case), case.tensors(), case.upstream()
    )

    query_is_padding = is_padding[:, case.query_start :]
    assert np.isfinite(answer).all()
    assert not answer[query_is_padding].any()
    assert not query_gradient[query_is_padding].any()
    for gradient in key_and_value_gradients:
        assert np.isfinite(gradient).all()
        assert not gradient[is_padding].any()


def test_reference_is_exact_enough_for_float64():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX computes in 32 bits unless told otherwise at start")
    case = Case(
        BandedPattern(4, 2, (1, 3)), length=20, padding="right", dtype="float64"
    )

    answer = as_array(attend(case)(*case.tensors()))

    assert answer.dtype == "float64"
    assert_close(answer, expected_answer(case, case.arrays()), 1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reference_computes_in_float32_and_answers_in_the_inputs_dtype(dtype):
    case = Case(BandedPattern(9, 9), length=30, dtype=dtype)
    tensors = case.tensors()

    answer = attend(case)(*tensors)

    assert keras.backend.standardize_dtype(answer.dtype) == dtype
    in_float32 = attend(case)(*(ops.cast(x, "float32") for x in tensors))
    assert_close(as_array(answer), as_array(ops.cast(in_float32, dtype)), 1e-7)


def test_scale_replaces_the_square_root_of_head_dim():
    case = Case(BandedPattern(3, 3), length=9, head_dim=16)
    query, key, value = case.tensors()

    scaled = reference_attention(query, key, value, case.pattern, scale=0.5)

    by_hand = reference_attention(query * 2.0, key, value, case.pattern)
    assert_close(as_array(scaled), as_array(by_hand), 1e-6)


def test_reference_works_symbolically_with_an_unknown_length():
    case = Case(BandedPattern(3, 1), length=11)
    symbolic = keras.Input((None, case.num_heads, case.head_dim))
    model = keras.Model(
        symbolic, reference_attention(symbolic, symbolic, symbolic, case.pattern)
    )
    query = case.tensors()[0]

    answer = as_array(model(query))

    assert_close(answer, as_array(attend(case)(query, query, query)), 1e-6)


def test_heads_that_do_not_fit_are_refused():
    query, key = ops.zeros((1, 4, 3, 2)), ops.zeros((1, 4, 2, 2))

    with pytest.raises(ValueError, match="must divide"):
        reference_attention(query, key, key, BandedPattern(1, 1))
    with pytest.raises(ValueError, match="one value per head"):
        reference_attention(query, query, query, BandedPattern(1, 1, (1, 2)))
