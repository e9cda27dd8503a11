"""Banded attention against Hugging Face's Longformer, golden and live."""

import importlib.util

import numpy as np
import pytest
from keras import ops

from longkeras.ops import banded_attention, reference_attention
from longkeras.patterns import BandedPattern
from tests.golden.make_longformer_attention import (
    GOLDEN_CASES,
    GOLDEN_FILE,
    longformer_attention,
)
from tests.ops.cases import assert_close
from tests.ops.gradients import as_array

TOLERANCE = 5e-6

needs_transformers = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")),
    reason="needs torch and transformers (make check installs them)",
)


def check(arrays, attention_window):
    pattern = BandedPattern.bidirectional(attention_window)
    query, key, value = (
        ops.convert_to_tensor(arrays[name]) for name in ("query", "key", "value")
    )
    options = {"padding_mask": arrays["padding_mask"]}

    reference = reference_attention(query, key, value, pattern, **options)
    assert_close(as_array(reference), arrays["output"], TOLERANCE, "reference")
    for implementation in ("dense", "blocked"):
        output = banded_attention(
            query, key, value, pattern, implementation=implementation, **options
        )
        assert_close(as_array(output), arrays["output"], TOLERANCE, implementation)


@pytest.mark.parametrize("name", GOLDEN_CASES)
def test_attention_equals_the_golden_longformer(name):
    with np.load(GOLDEN_FILE) as golden:
        arrays = {
            key.removeprefix(f"{name}/"): golden[key]
            for key in golden.files
            if key.startswith(f"{name}/")
        }

    check(arrays, int(arrays["attention_window"]))


@pytest.mark.parity
@needs_transformers
@pytest.mark.parametrize("attention_window", [4, 32, 64])
@pytest.mark.parametrize("seed", [1, 2])
def test_attention_equals_the_live_longformer(attention_window, seed):
    length = 4 * attention_window
    spans = [(0, length), (0, length // 2 + 1), (length // 3, length - 3)]

    arrays = longformer_attention(attention_window, length, 4, 8, spans, seed)

    check(arrays, attention_window)


@pytest.mark.parity
@needs_transformers
@pytest.mark.parametrize("name", GOLDEN_CASES)
def test_the_golden_file_is_what_transformers_computes_today(name):
    attention_window, *arguments = GOLDEN_CASES[name]

    arrays = longformer_attention(attention_window, *arguments)

    with np.load(GOLDEN_FILE) as golden:
        for key, array in arrays.items():
            assert_close(array, golden[f"{name}/{key}"], TOLERANCE, key)
