"""The attention ops against Hugging Face's Longformer, golden and live."""

import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention, longformer_attention, reference_attention
from longkeras.patterns import BandedPattern
from tests.golden.make_longformer_attention import GOLDEN_CASES, GOLDEN_FILE
from tests.golden.make_longformer_attention import (
    longformer_attention as huggingface_attention,
)
from tests.ops.agreement import PORTABLE
from tests.ops.cases import assert_close, edge_cases
from tests.ops.gradients import as_array

TOLERANCE = 5e-6
TENSORS = ("query", "key", "value")
GLOBAL_TENSORS = ("global_query", "global_key", "global_value")


def check(arrays, attention_window):
    pattern = BandedPattern.bidirectional(attention_window)
    tensors = [ops.convert_to_tensor(arrays[name]) for name in TENSORS]
    options = {"padding_mask": arrays["padding_mask"]}
    rows, op = {}, banded_attention
    if "global_mask" in arrays:
        options["global_mask"] = arrays["global_mask"]
        rows = {name: ops.convert_to_tensor(arrays[name]) for name in GLOBAL_TENSORS}
        op = longformer_attention

    reference = reference_attention(*tensors, pattern, **rows, **options)
    assert_close(as_array(reference), arrays["output"], TOLERANCE, "reference")
    for name in PORTABLE:
        output = op(*tensors, *rows.values(), pattern, implementation=name, **options)
        assert_close(as_array(output), arrays["output"], TOLERANCE, name)


@pytest.mark.parametrize(
    "name",
    edge_cases({name: name for name in GOLDEN_CASES}, ("window_8", "one_global")),
)
def test_attention_equals_the_golden_longformer(name):
    with np.load(GOLDEN_FILE) as golden:
        arrays = {
            key.removeprefix(f"{name}/"): golden[key]
            for key in golden.files
            if key.startswith(f"{name}/")
        }

    check(arrays, int(arrays["attention_window"]))


def positions_by_row(globals_, spans, rng):
    """Global positions among the real ones: the same number of each row, or not."""
    if globals_ is None:
        return None
    counts = {
        "one": [1, 1, 1],
        "many": [70, 70, 70],
        "all": [10_000] * 3,
        "differs": [0, 3, 40],
        "nowhere": [0, 0, 0],
    }[globals_]
    return [
        rng.permutation(np.arange(*span))[:count].tolist()
        for span, count in zip(spans, counts, strict=True)
    ]


@pytest.mark.parity
@pytest.mark.parametrize("globals_", [None, "nowhere", "one", "many", "all", "differs"])
@pytest.mark.parametrize("attention_window", [4, 32, 64])
def test_attention_equals_the_live_longformer(attention_window, globals_):
    length = 4 * attention_window
    spans = [(0, length), (0, length // 2 + 1), (length // 3, length - 3)]
    rng = np.random.default_rng(attention_window)
    global_positions = positions_by_row(globals_, spans, rng)

    arrays = huggingface_attention(
        attention_window, length, 4, 8, spans, global_positions, seed=1
    )

    check(arrays, attention_window)


@pytest.mark.parity
@pytest.mark.parametrize("name", GOLDEN_CASES)
def test_the_golden_file_is_what_transformers_computes_today(name):
    attention_window, *arguments = GOLDEN_CASES[name]

    arrays = huggingface_attention(attention_window, *arguments)

    with np.load(GOLDEN_FILE) as golden:
        for key, array in arrays.items():
            assert_close(array, golden[f"{name}/{key}"], TOLERANCE, key)
