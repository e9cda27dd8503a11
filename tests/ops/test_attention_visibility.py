"""Who sees whom: reach, future, documents, batch mates, any number of globals."""

import dataclasses

import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention
from longkeras.patterns import BandedPattern, dense_mask, reachable_offsets
from tests.ops.agreement import PORTABLE, attention, implementations
from tests.ops.cases import TOLERANCES, Case, assert_close
from tests.ops.gradients import (
    as_array,
    compiled,
    compiled_once,
    differentiated,
    outputs_and_gradients,
)

TOLERANCE = TOLERANCES["float32"][0]


@pytest.mark.parametrize("implementation", PORTABLE)
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
            states = states + banded_attention(
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


def visible(case):
    """Which positions a query may use, heads together: bool `(batch, query, key)`."""
    is_real = np.ones((case.batch, case.length), bool)
    if case.padding_mask() is not None:
        is_real = case.padding_mask()
    is_global = case.global_mask() & is_real
    sees = dense_mask(case.pattern, case.length).any(axis=0)
    sees = sees | is_global[:, None, :]
    if case.has_global_rows:
        sees = sees | is_global[:, :, None]
    if case.documents != "none":
        ids = case.document_ids()
        sees = sees & (ids[:, :, None] == ids[:, None, :])
    if case.pattern.is_causal:
        sees = sees & np.tri(case.length, dtype=bool)
    return sees & is_real[:, :, None] & is_real[:, None, :]


VISIBILITY_CASES = {
    "causal, global keys": Case(BandedPattern(3, 0, (1, 2)), 40, globals_=6),
    "causal, global rows": Case(
        BandedPattern(2, 0), 40, globals_=6, has_global_rows=True, padding="holes"
    ),
    "packed, global rows": Case(
        BandedPattern(2, 4),
        40,
        globals_=6,
        has_global_rows=True,
        documents="packed",
        padding="right",
        seed=2,
    ),
}


@pytest.mark.parametrize("implementation", PORTABLE)
@pytest.mark.parametrize("name", VISIBILITY_CASES)
def test_a_gradient_reaches_what_a_query_sees_and_nothing_else(name, implementation):
    case = VISIBILITY_CASES[name]
    expected = visible(case)
    # Each row of the batch is repeated once per query whose gradient is taken.
    positions = range(3, case.length, 9)
    copies = len(positions)
    masks = {
        mask_name: mask if mask is None else np.repeat(mask, copies, axis=0)
        for mask_name, mask in case.options().items()
    }
    attend = attention(case, implementation, **masks)
    tensors = [ops.repeat(x, copies, axis=0) for x in case.tensors()]
    upstream = np.zeros_like(np.repeat(case.upstream(), copies, axis=0))
    queries = list(positions) * case.batch
    upstream[np.arange(len(queries)), queries] = 1.0

    _, gradients = outputs_and_gradients(attend, tensors, upstream)

    reached = sum(
        np.abs(gradient).sum(axis=(2, 3))
        for gradient, tensor_name in zip(gradients, case.names, strict=True)
        if tensor_name.endswith("value")
    )
    expected = np.concatenate([row[positions] for row in expected])
    np.testing.assert_array_equal(reached > 0, expected)


@pytest.mark.parametrize("implementation", PORTABLE)
@pytest.mark.parametrize("pattern", [BandedPattern(9, 9), BandedPattern(9, 0, 2)])
def test_packed_documents_are_answered_as_if_they_stood_alone(pattern, implementation):
    # A dilated band counts distances, not places: packing must not shift it.
    first, second = 37, 53
    case = Case(pattern, first + second, globals_=8, has_global_rows=True, batch=1)
    tensors, global_mask = case.tensors(), case.global_mask()
    document_ids = np.repeat([[3, 1]], [first, second], axis=1)
    global_mask[:, [5, first + 20]] = True

    packed = compiled_once(
        attention(
            case, implementation, global_mask=global_mask, document_ids=document_ids
        )
    )(*tensors)

    for part in (slice(0, first), slice(first, None)):
        alone = compiled_once(
            attention(case, implementation, global_mask=global_mask[:, part])
        )(*(x[:, part] for x in tensors))
        assert_close(as_array(packed)[:, part], as_array(alone), 2e-6)


@pytest.mark.slow_on("jax", "tensorflow")
@pytest.mark.parametrize("implementation", PORTABLE)
def test_a_row_does_not_depend_on_its_batch_mates(implementation):
    case = Case(
        BandedPattern(12, 3, (1, 2)),
        length=100,
        batch=3,
        globals_="differs",
        padding="left",
        has_global_rows=True,
    )
    tensors, upstream, options = case.tensors(), case.upstream(), case.options()
    del options["document_ids"]
    answer, gradients = outputs_and_gradients(
        attention(case, implementation), tensors, upstream
    )

    for row in range(case.batch):
        part = slice(row, row + 1)
        masks = {name: mask[part] for name, mask in options.items()}
        alone, gradients_alone = outputs_and_gradients(
            attention(case, implementation, **masks),
            [x[part] for x in tensors],
            upstream[part],
        )
        assert_close(answer[part], alone, 2e-6)
        for name, gradient, expected in zip(
            case.names, gradients, gradients_alone, strict=True
        ):
            assert_close(gradient[part], expected, 1e-5, name)


@pytest.mark.parametrize("pattern", [BandedPattern(1, 0), BandedPattern(3, 0, (1, 2))])
def test_a_program_of_eight_queries_hides_what_they_do_not_see(pattern):
    # XLA made wrong code of the mask for this number of queries on a CPU.
    case = Case(pattern, 8, query_start=4, batch=3, padding="left", globals_="few")
    answer = as_array(compiled(attention(case, "dense"))(*case.tensors()))
    expected = as_array(attention(case, "blocked")(*case.tensors()))
    assert_close(answer, expected, TOLERANCE)


@pytest.mark.parametrize(
    "implementation",
    [
        "dense",
        pytest.param("blocked", marks=pytest.mark.slow_on("tensorflow")),
    ],
)
def test_one_program_serves_and_differentiates_any_number_of_global_positions(
    implementation,
):
    case = Case(BandedPattern(8, 8), 300, batch=1, has_global_rows=True)
    upstream = ops.convert_to_tensor(case.upstream())
    traces = []

    def answer_and_gradients(*inputs):
        *tensors, global_mask = inputs
        traces.append(len(tensors))
        attend = attention(case, implementation, global_mask=global_mask)
        gradients = differentiated(lambda *x: attend(*x) * upstream)(*tensors)
        return attend(*tensors), gradients

    program = compiled(answer_and_gradients)
    for count in (0, 1, 70, 150, 300):
        counted = dataclasses.replace(case, globals_=count)
        global_mask = ops.convert_to_tensor(counted.global_mask())
        answer, found = program(*case.tensors(), global_mask)
        wanted, expected = outputs_and_gradients(
            attention(counted), case.tensors(), upstream
        )
        what = f"{count} global positions"
        assert_close(as_array(answer), wanted, TOLERANCE, what)
        for name, gradient, wanted in zip(case.names, found, expected, strict=True):
            what = f"gradient of {name} with {count} global positions"
            assert_close(as_array(gradient), wanted, TOLERANCES["float32"][1], what)
    # PyTorch runs eagerly: there every call is a trace.
    assert len(traces) == 1 or program is answer_and_gradients


@pytest.mark.parametrize("has_global_rows", [False, True])
def test_padding_gets_zeros_and_gives_none_whatever_it_holds(has_global_rows):
    case = Case(
        BandedPattern(9, 9, (1, 3)),
        length=80,
        batch=3,
        padding="whole_row",
        globals_="many",
        has_global_rows=has_global_rows,
        is_poisoned=True,
    )
    case = dataclasses.replace(case, padding="holes") if has_global_rows else case
    is_padding = ~case.padding_mask()

    for implementation in implementations(case):
        answer, gradients = outputs_and_gradients(
            attention(case, implementation), case.tensors(), case.upstream()
        )
        for array in (answer, *gradients):
            assert np.isfinite(array).all()
            assert not array[is_padding].any()
