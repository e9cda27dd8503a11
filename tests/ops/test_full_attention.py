"""Keras' own attention where the band covers the text, with and without padding."""

import pytest

from longkeras.patterns import BandedPattern
from tests.ops.agreement import attention, check_against_reference, implementations
from tests.ops.cases import PADDINGS, Case
from tests.ops.gradients import outputs_and_gradients


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("right", [0, 40])
def test_it_equals_the_reference_whatever_is_padded(right, padding):
    case = Case(
        BandedPattern(40, right),
        33,
        batch=3,
        kv_heads=1,
        groups=2,
        padding=padding,
        is_poisoned=True,
    )
    assert "full" in implementations(case)
    check_against_reference(case)


@pytest.mark.parametrize("right", [0, 40])
def test_padding_gets_zeros_and_gives_none(right):
    case = Case(
        BandedPattern(40, right), 33, batch=3, padding="whole_row", is_poisoned=True
    )
    is_padding = ~case.padding_mask()
    answer, gradients = outputs_and_gradients(
        attention(case, "full"), case.tensors(), case.upstream()
    )
    for array in (answer, *gradients):
        assert not array[is_padding].any()
