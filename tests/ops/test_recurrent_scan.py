"""Recurrent layers against a loop in float64, their gradients against differences."""

import itertools

import numpy as np
import pytest
from keras import ops

from longkeras.ops import explain_recurrence
from longkeras.ops.document_starts import first_tokens
from longkeras.ops.recurrence.dispatch import recurrent_layer
from tests.ops import recurrent_oracle as oracle
from tests.ops.cases import assert_close
from tests.ops.gradients import outputs_and_gradients

BATCH, LENGTH, INPUT_DIM, UNITS = 4, 7, 3, 5
each_cell = pytest.mark.parametrize("cell", oracle.GATES)


def padding():
    """Nothing, padding on the right, a hole and padding on the left, an empty row."""
    is_real = np.ones((BATCH, LENGTH), bool)
    is_real[1, 5:], is_real[2, [0, 1, 4]], is_real[3] = False, False, False
    return is_real


def documents():
    """Ids that change once, twice, over a hole, and where all is padding."""
    ids = np.zeros((BATCH, LENGTH), "int32")
    ids[0, 3:], ids[1, 1:2], ids[2, 5:], ids[3, 2:] = 4, 1, 9, 7
    return ids


def begins(ids, is_real):
    found = np.zeros(ids.shape, bool)
    for row in range(len(ids)):
        places = np.flatnonzero(is_real[row])
        for one, other in itertools.pairwise(places):
            found[row, other] = ids[row, one] != ids[row, other]
    return found


MASKS = {
    "whole": (None, None),
    "padded": (padding(), None),
    "documents": (None, documents()),
    "padded documents": (padding(), documents()),
}


def ours(cell, is_real, ids, implementation="auto"):
    """The layer as a function of its tensors, all results in one."""
    stays = None if ids is None else ops.logical_not(first_tokens(ids, is_real))

    def over_time(mask):
        return None if mask is None else ops.transpose(mask)[:, :, None]

    def function(inputs, kernel, recurrent_kernel, bias, *state):
        outputs, state = recurrent_layer(
            cell,
            ops.swapaxes(inputs, 0, 1),
            state,
            (kernel, recurrent_kernel, bias),
            over_time(is_real),
            over_time(stays),
            implementation,
        )
        outputs = ops.swapaxes(outputs, 0, 1)
        return ops.concatenate([outputs, *(x[:, None] for x in state)], axis=1)

    return function


def expected_of(cell, arguments, is_real, ids):
    is_real = np.ones((BATCH, LENGTH), bool) if is_real is None else is_real
    ids = np.zeros((BATCH, LENGTH), "int32") if ids is None else ids
    begin = begins(ids, is_real)
    return oracle.layer(cell, *arguments, is_real=is_real, begins=begin)


def slopes(function, arguments, upstream, directions, step=1e-5):
    """How `sum(function * upstream)` grows along one direction of each argument."""
    for i, direction in enumerate(directions):
        values = []
        for sign in (1.0, -1.0):
            moved = [*arguments]
            moved[i] = arguments[i] + sign * step * direction
            values.append((function(moved) * upstream).sum())
        yield (values[0] - values[1]) / (2.0 * step)


def check(cell, masks, implementation="auto", jit=None):
    is_real, ids = MASKS[masks]
    arguments = oracle.arguments(cell, BATCH, LENGTH, INPUT_DIM, UNITS)
    rng = np.random.default_rng(1)
    shape = (BATCH, LENGTH + oracle.STATES[cell], UNITS)
    upstream = rng.normal(size=shape)
    tensors = [ops.convert_to_tensor(x.astype("float32")) for x in arguments]
    answer, gradients = outputs_and_gradients(
        ours(cell, is_real, ids, implementation),
        tensors,
        upstream.astype("float32"),
        jit=jit,
    )

    def reference(arguments):
        return expected_of(cell, arguments, is_real, ids)

    assert_close(answer, reference(arguments), 1e-5, "output")
    directions = [rng.normal(size=x.shape) for x in arguments]
    expected = slopes(reference, arguments, upstream, directions)
    for i, slope in enumerate(expected):
        assert_close((gradients[i] * directions[i]).sum(), slope, 1e-4, f"argument {i}")


@each_cell
@pytest.mark.parametrize("masks", MASKS)
def test_a_layer_equals_the_loop_forward_and_gradient(cell, masks):
    check(cell, masks)


@pytest.mark.slow
@each_cell
def test_a_layer_under_xla_equals_the_loop(cell):
    check(cell, "padded documents", jit=True)


@each_cell
def test_the_layers_of_the_backend_equal_the_loop(cell):
    check(cell, "whole", "fused")


def test_where_something_is_padded_the_backends_layers_stand_back():
    check("lstm", "padded", "fused")


@pytest.mark.parametrize("cell", ["gru"])
def test_what_stands_at_padding_does_not_matter(cell):
    is_real, ids = MASKS["padded documents"]
    arguments = oracle.arguments(cell, BATCH, LENGTH, INPUT_DIM, UNITS)
    upstream = np.ones((BATCH, LENGTH + 1, UNITS), "float32")
    results = []
    for poison in (0.0, np.nan):
        inputs = np.where(is_real[:, :, None], arguments[0], poison)
        tensors = [
            ops.convert_to_tensor(x.astype("float32")) for x in [inputs, *arguments[1:]]
        ]
        function = ours(cell, is_real, ids)
        results.append(outputs_and_gradients(function, tensors, upstream))
    (answer, gradients), (poisoned, poisoned_gradients) = results
    np.testing.assert_array_equal(poisoned, answer)
    for one, other in zip(poisoned_gradients, gradients, strict=True):
        np.testing.assert_array_equal(one, other)


def test_how_it_runs_is_explained():
    assert "quicker" in explain_recurrence() or "own" in explain_recurrence()
    assert explain_recurrence("scan").startswith("scan: asked for by name")
    with pytest.raises(ValueError, match=r"`implementation` must be one of"):
        explain_recurrence("fast")
