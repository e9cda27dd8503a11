"""Global rows of hidden states: values and gradients of projecting them all."""

import dataclasses

import numpy as np
import pytest
from keras import ops

from longkeras.ops import reference_attention
from longkeras.ops.attention import dispatch, validation
from longkeras.ops.attention.kernels.absorbed_projections import FEW
from longkeras.patterns import BandedPattern
from tests.ops.cases import TOLERANCES, Case, assert_close, edge_cases
from tests.ops.gradients import outputs_and_gradients

HIDDEN_DIM = 6
CASES = {
    "no global token": Case(BandedPattern(9, 9), 70, globals_="nowhere"),
    "one": Case(BandedPattern(16, 16), 65, globals_="one"),
    "as many as are absorbed": Case(BandedPattern(8, 8), 90, globals_=FEW),
    "more than are absorbed": Case(BandedPattern(8, 8), 90, globals_=FEW + 1),
    "none and all": Case(
        BandedPattern(8, 8), 90, batch=2, globals_="differs", padding="left"
    ),
    "everything at once": Case(
        BandedPattern(10, 0, (1, 2)),
        60,
        kv_heads=1,
        groups=2,
        padding="holes",
        globals_="few",
        documents="packed",
        dropout=0.2,
        is_poisoned=True,
        seed=4,
    ),
}


def tensors_of(case):
    """Query, key and value, hidden states, and three weights."""
    rng = np.random.default_rng(case.seed + 7)
    states = rng.normal(size=(case.batch, case.length, HIDDEN_DIM))
    if case.is_poisoned:
        states[~case.padding_mask()] = np.nan
    heads = (case.num_heads, case.kv_heads, case.kv_heads)
    weights = (rng.normal(size=(HIDDEN_DIM + 1, h, case.head_dim)) for h in heads)
    arrays = [*case.arrays(), states, *weights]
    return [ops.convert_to_tensor(x.astype("float32")) for x in arrays]


def projecting_all(case):
    """The same by projections of all tokens and the dense reference."""
    masks = case.options()

    def attend(query, key, value, states, *weights):
        if case.is_poisoned:
            is_real = ops.convert_to_tensor(case.padding_mask())[..., None]
            states = ops.where(is_real, states, 0.0)
        one = ops.ones_like(states[..., :1])
        states = ops.concatenate([states, one], axis=-1)
        names = ("global_query", "global_key", "global_value")
        projected = (ops.einsum("bld,dhe->blhe", states, w) for w in weights)
        rows = dict(zip(names, projected, strict=True))
        return reference_attention(query, key, value, case.pattern, **rows, **masks)

    return attend


@pytest.mark.parametrize("case", edge_cases(CASES, ("everything at once",)))
def test_absorbed_projections_equal_a_projected_text(case):
    def absorbed(*tensors):
        masks = case.options()
        seed, dropout = masks.pop("seed", None), masks.pop("dropout", 0.0)
        spec = validation.spec_for(
            tensors[0], case.pattern, None, 0, dropout, seed, masks.values()
        )
        signature = dispatch.CallSignature(
            case.pattern, None, None, is_masked=True, global_rows="absorbable"
        )
        planned = dispatch.plan(signature, "blocked")
        planned = dataclasses.replace(planned, global_rows="absorbed")
        return dispatch.run(signature, planned, tensors, spec)

    tensors, upstream = tensors_of(case), case.upstream()
    output, gradients = outputs_and_gradients(absorbed, tensors, upstream)
    expected, expected_gradients = outputs_and_gradients(
        projecting_all(case), tensors, upstream
    )

    forward, backward = TOLERANCES["float32"]
    assert_close(output, expected, forward, "output")
    for i, pair in enumerate(zip(gradients, expected_gradients, strict=True)):
        assert_close(*pair, 4 * backward, f"gradient {i}")
