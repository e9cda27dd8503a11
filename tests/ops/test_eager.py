"""Long texts in eager TensorFlow run as one program, with the same results."""

import keras
import pytest

from longkeras.ops.attention_rule import AttentionRule
from longkeras.ops.implementations import blocked, eager
from longkeras.patterns import BandedPattern
from tests.ops.agreement import check_against_reference
from tests.ops.cases import Case

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the other backends need no help"
)


def test_a_long_text_is_answered_as_the_reference_answers():
    pattern = BandedPattern(4, 3, (1, 5))

    check_against_reference(
        Case(pattern, length=1030, batch=1, padding="holes", dropout=0.2)
    )


def test_one_program_serves_equal_calls_and_a_short_text_needs_none():
    pattern = BandedPattern(2, 2)
    eager._program.cache_clear()

    for length in (1023, 1024, 1024, 1040):
        tensors = tuple(Case(pattern, length=length, batch=1).tensors())
        eager.run(blocked.attend, tensors, AttentionRule(pattern, scale=0.5))

    assert eager._program.cache_info().misses == 1
    assert eager._program.cache_info().hits == 2
