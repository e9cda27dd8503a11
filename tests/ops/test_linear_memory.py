"""The blocked implementation never builds a tensor of queries by keys."""

import math
import re

import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention
from longkeras.patterns import BandedPattern
from tests.ops.gradients import differentiated, program_text

PATTERNS = {
    "causal": BandedPattern.causal(64),
    "bidirectional": BandedPattern.bidirectional(64),
    "dilated": BandedPattern.causal(32, dilation=(1, 4)),
}


def largest_tensor(function, length):
    """Entries of the largest tensor in the XLA program."""
    shape = (1, length, 2, 8)
    tensors = [ops.convert_to_tensor(np.ones(shape, "float32")) for _ in range(3)]
    shapes = re.findall(r"\b[a-z]+\d*\[([\d,]+)\]", program_text(function, tensors))
    return max(math.prod(map(int, shape.split(","))) for shape in shapes)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
@pytest.mark.parametrize("with_gradient", [False, True])
def test_the_largest_tensor_grows_linearly(pattern, with_gradient):
    def attend(query, key, value):
        return banded_attention(query, key, value, pattern, implementation="blocked")

    function = differentiated(attend) if with_gradient else attend
    short, long = largest_tensor(function, 1024), largest_tensor(function, 4096)

    assert long < 4096 * 4096 / 4
    assert long < 4.5 * short


def test_the_measure_sees_the_matrix_of_the_dense_implementation():
    def attend(query, key, value):
        return banded_attention(
            query, key, value, PATTERNS["causal"], implementation="dense"
        )

    assert largest_tensor(attend, 512) >= 512 * 512
