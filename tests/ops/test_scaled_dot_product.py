"""PyTorch's fused kernel in tiles: equal to the reference however the text is cut."""

import contextlib
import dataclasses

import hypothesis
import keras
import pytest
from hypothesis import strategies as st
from keras import ops

from longkeras.ops.attention.kernels import fused_parts, scaled_dot_product
from longkeras.ops.attention.kernels.tile import Masks
from longkeras.ops.attention.validation import spec_for
from longkeras.patterns import BandedPattern
from tests.ops.agreement import attention
from tests.ops.cases import TOLERANCES, Case, assert_close, cases, drawn
from tests.ops.gradients import differentiated, largest_tensor, outputs_and_gradients

on_torch = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the kernel is PyTorch's"
)
CASES = {
    "bidirectional": Case(BandedPattern(64, 64), 1024),
    "causal, padded": Case(BandedPattern(64, 0), 1024, padding="right"),
    "dilated": Case(BandedPattern(32, 32, (1, 4)), 1024),
    "documents": Case(BandedPattern(64, 64), 1024, documents="packed"),
    "global keys": Case(BandedPattern(64, 64), 1024, globals_="few"),
    "grouped heads": Case(BandedPattern(64, 0), 1024, groups=2),
}


@contextlib.contextmanager
def cut_small():
    """Cuts short texts as if they were long: many calls, of few blocks each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_parts, "_SHORT_TEXT", 0)
        patch.setattr(fused_parts, "_CALL_ENTRIES", {"cpu": 1000})
        patch.setattr(fused_parts, "_BLOCKS_AT_ENDS", 2)
        patch.setattr(fused_parts, "block_length", lambda left, right: 4)
        yield


def fused(case):
    """The case's attention through the kernel, a function of its tensors."""
    options = case.options()
    names = ("padding_mask", "global_mask", "document_ids")
    masks = [options[name] for name in names]
    masks = [x if x is None else ops.convert_to_tensor(x) for x in masks]

    def attend(query, key, value):
        spec = spec_for(
            query, case.pattern, None, case.query_start, case.dropout, case.seed, masks
        )
        return scaled_dot_product.attend(query, key, value, spec)

    return attend


def check_against_reference(case):
    tensors, upstream = case.tensors(), case.upstream()
    expected = outputs_and_gradients(attention(case), tensors, upstream)
    answer = outputs_and_gradients(fused(case), tensors, upstream)

    tolerances = TOLERANCES[case.dtype]
    assert_close(answer[0], expected[0], tolerances[0])
    for name, *gradients in zip(case.names, answer[1], expected[1], strict=True):
        assert_close(*gradients, tolerances[1], name)


@on_torch
@drawn(60)
@hypothesis.given(cases(max_length=120))
def test_a_text_cut_small_equals_the_reference(case):
    with cut_small():
        check_against_reference(dataclasses.replace(case, dropout=0.0))


@on_torch
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_long_text_equals_the_reference(case):
    check_against_reference(case)


@on_torch
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_keeps_its_dtype(dtype):
    case = dataclasses.replace(CASES["causal, padded"], length=300, dtype=dtype)

    check_against_reference(case)
    answer = fused(case)(*case.tensors())
    assert keras.backend.standardize_dtype(answer.dtype) == dtype


@on_torch
@hypothesis.given(
    st.integers(1, 3000),
    st.integers(0, 700),
    st.integers(0, 700),
    st.integers(0, 300),
    st.integers(1, 3),
)
def test_every_query_is_in_one_part_with_its_whole_band(
    length, left, right, start, batch_size
):
    keys = start + length
    shapes = ((batch_size, length, 2, 4), *[(batch_size, keys, 2, 4)] * 2)
    tensors = [ops.zeros(shape) for shape in shapes]

    parts = fused_parts.plan(tensors, Masks(), (left, right, start))

    served = []
    for part in parts:
        rows = range(batch_size)[part.rows]
        for n in range(part.count):
            first = part.query + n * part.block
            key = part.key + n * part.block
            assert 0 <= key <= max(first + start - left, 0)
            last = first + part.block - 1 + start + right
            assert min(last + 1, keys) <= key + part.tile <= keys
            queries = range(first, first + part.block)
            served += [(row, query) for row in rows for query in queries]
    expected = [(row, query) for row in range(batch_size) for query in range(length)]
    assert sorted(served) == expected


@on_torch
def test_a_second_pass_over_one_graph_gives_the_same_gradients():
    import torch

    case = dataclasses.replace(CASES["bidirectional"], length=50)
    inputs = [x.requires_grad_() for x in case.tensors()]
    with cut_small():
        total = fused(case)(*inputs).square().sum()

    first = torch.autograd.grad(total, inputs, retain_graph=True)
    second = torch.autograd.grad(total, inputs)

    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)


@on_torch
def test_nothing_is_recorded_without_gradients():
    import torch

    case = dataclasses.replace(CASES["bidirectional"], length=50)
    inputs = [x.requires_grad_() for x in case.tensors()]

    with cut_small(), torch.no_grad():
        answer = fused(case)(*inputs)

    assert not answer.requires_grad
    assert_close(answer.numpy(), case.expected(), TOLERANCES["float32"][0])


@on_torch
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("custom_gradient", [False, True])
def test_the_largest_tensor_grows_linearly(case, custom_gradient):
    short, long = (
        _largest(dataclasses.replace(case, length=length, batch=1), custom_gradient)
        for length in (1024, 4096)
    )

    assert long < 4096 * 4096 / 4
    assert long < 4.5 * short


def _largest(case, custom_gradient):
    function = differentiated(fused(case)) if custom_gradient else fused(case)
    return largest_tensor(function, case.tensors())


def test_dropout_and_other_backends_are_declined_with_a_reason():
    case = Case(BandedPattern(3, 3), 10, dropout=0.1)
    on_torch = keras.backend.backend() == "torch"
    reason = "seed" if on_torch else "torch backend"
    with pytest.raises(ValueError, match=f"cannot run here: .*{reason}"):
        attention(case, "scaled_dot_product")(*case.tensors())
