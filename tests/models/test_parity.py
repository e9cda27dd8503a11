"""The language models against transformers and PyTorch, golden and live."""

import numpy as np
import pytest
from keras import ops

from longkeras.models import (
    CausalTransformerBackbone,
    RecurrentBackbone,
    RecurrentCausalLM,
    TransformerCausalLM,
)
from tests.golden import make_causal_models as golden

TOLERANCE = 2e-5

each_transformer = pytest.mark.parametrize("name", golden.TRANSFORMERS)
each_recurrent = pytest.mark.parametrize("name", golden.RECURRENT)


def build_transformer(attention_window):
    return TransformerCausalLM(
        CausalTransformerBackbone(
            vocabulary_size=golden.VOCABULARY_SIZE,
            num_layers=golden.NUM_LAYERS,
            num_heads=golden.NUM_HEADS,
            hidden_dim=golden.HIDDEN_DIM,
            intermediate_dim=golden.INTERMEDIATE_DIM,
            attention_window=attention_window,
            rope_max_wavelength=golden.WAVELENGTH,
            layer_norm_epsilon=golden.EPSILON,
        )
    )


def build_recurrent(cell):
    return RecurrentCausalLM(
        RecurrentBackbone(
            vocabulary_size=golden.VOCABULARY_SIZE,
            num_layers=golden.NUM_LAYERS,
            hidden_dim=golden.HIDDEN_DIM,
            cell=cell,
        )
    )


def check(model, arrays):
    """Load every weight, use every array, and compare the logits."""
    arrays = dict(arrays)
    token_ids, logits = arrays.pop("token_ids"), arrays.pop("logits")
    for weight in model.weights:
        name = weight.path.removesuffix("/kernel").removesuffix("/scale")
        weight.assign(arrays.pop(name.removesuffix("/embeddings")))
    assert not arrays, f"weights without a place: {sorted(arrays)}"
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    actual = ops.convert_to_numpy(model({k: ops.array(v) for k, v in inputs.items()}))
    np.testing.assert_allclose(actual, logits, rtol=0, atol=TOLERANCE)
    # Logits of nearly one value would prove nothing.
    assert np.ptp(logits) > 1.0


def golden_arrays(name):
    with np.load(golden.GOLDEN_FILE) as file:
        return {
            key.removeprefix(f"{name}/"): file[key]
            for key in file.files
            if key.startswith(f"{name}/")
        }


@each_transformer
def test_a_transformer_equals_the_golden_one(name):
    check(build_transformer(golden.TRANSFORMERS[name]), golden_arrays(name))


@each_recurrent
def test_a_recurrent_model_equals_the_golden_one(name):
    check(build_recurrent(golden.RECURRENT[name]), golden_arrays(name))


@pytest.mark.parity
@pytest.mark.parametrize("attention_window", [2, 7, golden.LENGTH, None])
def test_a_transformer_equals_the_live_one(attention_window):
    arrays = golden.transformer(attention_window, seed=3)
    check(build_transformer(attention_window), arrays)


@pytest.mark.parity
@each_recurrent
def test_a_recurrent_model_equals_the_live_one(name):
    cell = golden.RECURRENT[name]
    check(build_recurrent(cell), golden.recurrent(cell, seed=3))


@pytest.mark.parity
@pytest.mark.parametrize("name", [*golden.TRANSFORMERS, *golden.RECURRENT])
def test_the_golden_file_is_what_pytorch_computes_today(name):
    if name in golden.TRANSFORMERS:
        arrays = golden.transformer(golden.TRANSFORMERS[name])
    else:
        arrays = golden.recurrent(golden.RECURRENT[name])
    expected = golden_arrays(name)
    assert set(arrays) == set(expected)
    for key, array in arrays.items():
        np.testing.assert_allclose(array, expected[key], atol=TOLERANCE, err_msg=key)
