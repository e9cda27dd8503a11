"""The blocked implementation never builds a tensor of queries by keys."""

import dataclasses

import keras
import pytest
from keras import ops

from longkeras.patterns import BandedPattern
from tests.ops.agreement import attention
from tests.ops.cases import Case
from tests.ops.gradients import differentiated, largest_tensor

CASES = {
    "causal": Case(BandedPattern.causal(64), 512),
    "bidirectional": Case(BandedPattern.bidirectional(64), 512),
    "dilated": Case(BandedPattern.causal(32, dilation=(1, 4)), 512),
    "global rows, dropout": Case(
        BandedPattern.bidirectional(64), 512, has_global_rows=True, dropout=0.1
    ),
}


def measured(case, custom_gradient, implementation="blocked"):
    """Entries of the largest tensor, with the global mask as a program argument."""
    case = dataclasses.replace(case, batch=1, head_dim=8)
    num_tensors = len(case.names)
    global_mask = ops.ones((1, case.length), dtype="bool")

    def attend(*inputs):
        tensors, rest = inputs[:num_tensors], inputs[num_tensors:]
        changes = {"global_mask": rest[0]} if rest else {}
        return attention(case, implementation, **changes)(*tensors)

    function = attend
    if custom_gradient:

        def function(*inputs):
            rest = inputs[num_tensors:]
            fixed = differentiated(lambda *tensors: attend(*tensors, *rest))
            return fixed(*inputs[:num_tensors])

    tensors = case.tensors()
    return largest_tensor(function, [*tensors, global_mask])


# A gradient's program contains the forward pass: one case without it is enough.
@pytest.mark.parametrize(
    ("name", "custom_gradient"),
    [
        ("causal", True),
        *(
            pytest.param(*case, marks=pytest.mark.slow_on("tensorflow"))
            for case in [
                ("bidirectional", True),
                ("dilated", True),
                ("global rows, dropout", True),
                ("global rows, dropout", False),
            ]
        ),
    ],
)
def test_the_largest_tensor_grows_linearly(name, custom_gradient):
    case = CASES[name]
    # PyTorch computes what XLA only compiles.
    length = 256 if keras.backend.backend() == "torch" else 1024

    short, long = (
        measured(dataclasses.replace(case, length=times * length), custom_gradient)
        for times in (1, 4)
    )

    assert long < (4 * length) ** 2 / 4
    assert long < 4.5 * short


def test_the_measure_sees_the_matrix_of_the_dense_implementation():
    case = dataclasses.replace(CASES["causal"], length=512)

    assert measured(case, False, "dense") >= 512 * 512
