"""Every implementation of a case's attention against the dense reference."""

from longkeras.ops import banded_attention, longformer_attention, reference_attention
from longkeras.ops.attention import dispatch
from tests.ops.cases import TOLERANCES, assert_close
from tests.ops.gradients import outputs_and_gradients

# What every backend offers for every case; the table of kernels may list more.
PORTABLE = ("dense", "blocked")


def attention(case, implementation="reference", **changes):
    """The case's attention as a function of its tensors alone.

    Args:
        case: `tests.ops.cases.Case`.
        implementation: str. `"reference"`, `"auto"` or the name of one.
        **changes: arguments of the op that replace the case's own.

    Returns:
        callable of the tensors `case.names`.
    """
    options = case.options() | changes

    def attend(query, key, value, *global_rows):
        tensors = (query, key, value)
        if implementation == "reference":
            rows = dict(zip(case.names[3:], global_rows, strict=True))
            return reference_attention(*tensors, case.pattern, **rows, **options)
        if case.has_global_rows:
            tensors += global_rows
            op = longformer_attention
        else:
            op = banded_attention
        return op(*tensors, case.pattern, implementation=implementation, **options)

    return attend


def implementations(case):
    """The names that can be forced for the case, here and now."""
    signature = dispatch.CallSignature(
        case.pattern,
        case.length,
        case.key_length,
        is_masked=not (case.global_mask() is None and case.document_ids() is None),
        has_dropout=bool(case.dropout),
        has_padding=case.padding_mask() is not None,
    )
    found = dispatch.candidates(signature)
    return [candidate.name for candidate in found if candidate.can_run]


def check_against_reference(case):
    """Assert that outputs and gradients of all that can run equal the reference's."""
    tensors, upstream = case.tensors(), case.upstream()
    expected = outputs_and_gradients(attention(case), tensors, upstream)
    for name in implementations(case):
        found = outputs_and_gradients(attention(case, name), tensors, upstream)
        _assert_same(case, found, expected, name)


def check_compiling_changes_nothing(case, name):
    """Assert that one XLA program computes what separate operations do."""
    tensors, upstream = case.tensors(), case.upstream()
    attend = attention(case, name)
    apart, together = (
        outputs_and_gradients(attend, tensors, upstream, jit=jit)
        for jit in (False, True)
    )
    _assert_same(case, together, apart, name)


def _assert_same(case, found, expected, name):
    """Compare what `outputs_and_gradients` returned twice."""
    forward_tolerance, gradient_tolerance = TOLERANCES[case.dtype]
    assert_close(found[0], expected[0], forward_tolerance, name)
    for tensor_name, gradient, expected_gradient in zip(
        case.names, found[1], expected[1], strict=True
    ):
        what = f"{name}, gradient of {tensor_name}"
        assert_close(gradient, expected_gradient, gradient_tolerance, what)
