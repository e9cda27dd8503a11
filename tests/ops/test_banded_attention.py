"""Every implementation of banded attention equals the reference, gradients included."""

import hypothesis
import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention, reference_attention
from longkeras.patterns import BandedPattern, reachable_offsets
from tests.ops.cases import TOLERANCES, Case, assert_close, cases, drawn
from tests.ops.gradients import as_array, outputs_and_gradients

IMPLEMENTATIONS = ("dense", "blocked")


def call(function, case, **options):
    """The function of query, key and value that the case asks for."""

    def attend(query, key, value):
        return function(
            query,
            key,
            value,
            case.pattern,
            padding_mask=case.padding_mask(),
            query_start=case.query_start,
            **options,
        )

    return attend


def check_against_reference(case, implementations=IMPLEMENTATIONS, jit=None):
    tensors, upstream = case.tensors(), case.upstream()
    reference = call(reference_attention, case)
    expected, expected_gradients = outputs_and_gradients(reference, tensors, upstream)
    forward_tolerance, gradient_tolerance = TOLERANCES[case.dtype]
    for implementation in implementations:
        attend = call(banded_attention, case, implementation=implementation)
        answer, gradients = outputs_and_gradients(attend, tensors, upstream, jit=jit)
        assert_close(answer, expected, forward_tolerance, implementation)
        names = ("query", "key", "value")
        for name, gradient, expected_gradient in zip(
            names, gradients, expected_gradients, strict=True
        ):
            what = f"{implementation}, gradient of {name}"
            assert_close(gradient, expected_gradient, gradient_tolerance, what)


EDGE_CASES = {
    "a single position": Case(BandedPattern(3, 3), length=1),
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
}


@pytest.mark.parametrize("case", EDGE_CASES.values(), ids=EDGE_CASES.keys())
def test_implementations_equal_the_reference_at_the_edges(case):
    check_against_reference(case)


@drawn(16)
@hypothesis.given(cases())
def test_implementations_equal_the_reference_on_any_case(case):
    check_against_reference(case)


@pytest.mark.slow
@drawn(80)
@hypothesis.given(cases(dtypes=tuple(TOLERANCES)))
def test_implementations_equal_the_reference_on_many_cases(case):
    check_against_reference(case)


@pytest.mark.slow
@pytest.mark.parametrize("attention_window", [32, 512])
@pytest.mark.parametrize("length", [1000, 2049])
def test_implementations_equal_the_reference_on_long_texts(length, attention_window):
    pattern = BandedPattern.bidirectional(attention_window, dilation=(1, 3))

    check_against_reference(Case(pattern, length, batch=1, padding="right"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_implementations_equal_the_reference_in_half_precision(dtype):
    pattern = BandedPattern(40, 40, (1, 3))

    check_against_reference(Case(pattern, length=150, padding="right", dtype=dtype))


def test_compiling_changes_nothing():
    case = Case(BandedPattern(24, 5, 2), length=70, padding="holes")

    check_against_reference(case, ["blocked"], jit=True)
    check_against_reference(case, ["blocked"], jit=False)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("is_causal", [True, False])
def test_a_position_outside_the_receptive_field_changes_nothing(
    is_causal, implementation
):
    layers = [
        BandedPattern(3, 0 if is_causal else 3, (1, 5)),
        BandedPattern(2, 0 if is_causal else 1, 4),
    ]
    length, position = 80, 43

    def stack(states):
        for pattern in layers:
            states += banded_attention(
                states, states, states, pattern, implementation=implementation
            )
            # Mix the heads, as a layer's output projection does.
            states = states + ops.flip(states, axis=2)
        return states

    states = np.random.default_rng(0).normal(size=(1, length, 2, 4)).astype("float32")
    upstream = np.zeros_like(states)
    upstream[:, position] = 1.0

    _, (gradient,) = outputs_and_gradients(
        stack, [ops.convert_to_tensor(states)], upstream
    )

    reached = np.flatnonzero(np.abs(gradient).sum(axis=(0, 2, 3)))
    np.testing.assert_array_equal(reached - position, reachable_offsets(layers))


@pytest.mark.parametrize("implementation", ["auto", *IMPLEMENTATIONS])
def test_a_length_unknown_while_tracing_is_served(implementation):
    pattern = BandedPattern(20, 3, (1, 2))
    inputs = keras.Input((None, 2, 4))
    outputs = banded_attention(
        inputs, inputs, inputs, pattern, implementation=implementation
    )
    model = keras.Model(inputs, outputs)
    query = Case(pattern, length=67).tensors()[0]

    answer = as_array(model(query))

    expected = as_array(reference_attention(query, query, query, pattern))
    assert_close(answer, expected, TOLERANCES["float32"][0])


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
