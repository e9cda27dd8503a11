"""The attention layer against its definition in float64 NumPy."""

import numpy as np
import pytest
from keras import ops

from longkeras.layers import CausalSelfAttention
from tests.layers.test_rotary_embedding import turned
from tests.ops.oracle import attend

HIDDEN_DIM, HEADS = 8, 2
WINDOWS = {
    "full": {},
    "window": {"attention_window": 3},
    "self_alone": {"attention_window": 1},
    "dilated": {"attention_window": 3, "attention_dilation": 2},
    "dilated_by_head": {"attention_window": 3, "attention_dilation": [1, 4]},
}


def inputs(length, batch_size=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch_size, length, HIDDEN_DIM)).astype("float32")


def layer_with_weights(**options):
    layer = CausalSelfAttention(HEADS, rope_max_wavelength=500.0, **options)
    layer.build((None, None, HIDDEN_DIM))
    rng = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.6)
    return layer


def call(layer, x, mask=None):
    if mask is not None:
        mask = ops.convert_to_tensor(mask)
    output = layer(ops.convert_to_tensor(x), padding_mask=mask)
    return np.asarray(ops.convert_to_numpy(output))


def by_definition(layer, x, window=None, dilations=1, mask=None):
    batch_size, length, _ = x.shape
    kernels = [
        np.asarray(ops.convert_to_numpy(dense.kernel), "float64")
        for dense in (
            layer.query_dense,
            layer.key_dense,
            layer.value_dense,
            layer.output_dense,
        )
    ]
    *projections, output_kernel = kernels
    shape = (batch_size, length, HEADS, HIDDEN_DIM // HEADS)
    query, key, value = ((x @ kernel).reshape(shape) for kernel in projections)
    positions = np.arange(length)
    query, key = (turned(part, positions, 500.0) for part in (query, key))
    dilations = dilations if isinstance(dilations, list) else [dilations] * HEADS
    left = length if window is None else window - 1
    output = attend(query, key, value, left, 0, dilations, mask)
    return output.reshape(batch_size, length, HIDDEN_DIM) @ output_kernel


@pytest.mark.parametrize("name", WINDOWS)
def test_it_equals_the_definition(name):
    options = WINDOWS[name]
    layer, x = layer_with_weights(**options), inputs(13)
    mask = np.ones((2, 13), bool)
    mask[1, :4] = False
    expected = by_definition(
        layer,
        x,
        options.get("attention_window"),
        options.get("attention_dilation", 1),
        mask,
    )
    np.testing.assert_allclose(call(layer, x, mask), expected, atol=2e-5)


def test_a_long_text_equals_the_definition():
    # So long that the op walks over blocks.
    layer, x = layer_with_weights(attention_window=9), inputs(700, batch_size=1)
    expected = by_definition(layer, x, 9)
    np.testing.assert_allclose(call(layer, x), expected, atol=2e-5)


def test_a_window_as_wide_as_the_text_is_full_attention():
    full, windowed = layer_with_weights(), layer_with_weights(attention_window=11)
    np.testing.assert_allclose(
        call(full, inputs(11)), call(windowed, inputs(11)), atol=1e-6
    )


def test_padded_rows_are_zero_whatever_stands_there():
    layer, x = layer_with_weights(attention_window=3), inputs(6)
    mask = np.ones((2, 6), bool)
    mask[0, 4:], mask[1] = False, False
    clean = call(layer, x, mask)
    np.testing.assert_array_equal(clean[~mask], 0.0)
    x[~mask] = np.nan
    np.testing.assert_array_equal(call(layer, x, mask), clean)


@pytest.mark.parametrize(
    ("options", "slots"),
    [
        ({"attention_window": 1}, 1),
        ({"attention_window": 3}, 3),
        ({"attention_window": 3, "attention_dilation": 2}, 5),
        ({"attention_window": 3, "attention_dilation": [1, 4]}, 9),
        ({}, 77),
    ],
)
def test_a_ring_has_as_many_slots_as_the_window_reaches(options, slots):
    assert CausalSelfAttention(HEADS, **options).cache_slots(77) == slots


@pytest.mark.parametrize("hidden_dim", [7, 6])
def test_heads_must_divide_the_hidden_dimension_evenly(hidden_dim):
    with pytest.raises(ValueError, match=rf"`num_heads`.*hidden_dim={hidden_dim}"):
        CausalSelfAttention(HEADS).build((None, None, hidden_dim))


@pytest.mark.parametrize("dilation", [2, [1, 2]])
def test_dilation_needs_a_window(dilation):
    with pytest.raises(ValueError, match="`attention_dilation` needs"):
        CausalSelfAttention(HEADS, attention_dilation=dilation)


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_holds_at_least_the_token_itself(window):
    with pytest.raises(ValueError, match=f"attention_window={window}"):
        CausalSelfAttention(HEADS, attention_window=window)
