"""The attention layers against their definition in float64 NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import (
    FullSelfAttention,
    LongformerSelfAttention,
    SlidingWindowAttention,
)
from longkeras.ops import reference_attention
from tests.layers.attention_definition import (
    by_definition,
    draw_weights,
    inputs,
    projected,
)

HEADS = 2
LENGTH = 13
KINDS = {
    "full": (FullSelfAttention, {}),
    "full_causal": (FullSelfAttention, {"is_causal": True, "use_bias": False}),
    "window": (SlidingWindowAttention, {"attention_window": 4}),
    "window_causal": (
        SlidingWindowAttention,
        {"attention_window": 3, "is_causal": True, "rope_max_wavelength": 500.0},
    ),
    "self_alone": (SlidingWindowAttention, {"attention_window": 1, "is_causal": True}),
    "dilated": (
        SlidingWindowAttention,
        {"attention_window": 4, "attention_dilation": 2, "rope_max_wavelength": 500.0},
    ),
    "dilated_by_head": (
        SlidingWindowAttention,
        {"attention_window": 3, "attention_dilation": [1, 4], "is_causal": True},
    ),
    "grouped": (
        SlidingWindowAttention,
        {"attention_window": 4, "num_key_value_heads": 1, "head_dim": 6},
    ),
    "longformer": (LongformerSelfAttention, {"attention_window": 4}),
    "longformer_causal": (
        LongformerSelfAttention,
        {
            "attention_window": 3,
            "is_causal": True,
            "attention_dilation": [1, 2],
            "rope_max_wavelength": 500.0,
        },
    ),
}
WINDOWED = [name for name in KINDS if "full" not in name]


def make(name, **more):
    layer, options = KINDS[name]
    return draw_weights(layer(HEADS, **{**options, **more}))


def call(layer, x, **masks):
    output = layer(ops.convert_to_tensor(x), **masks)
    return np.asarray(ops.convert_to_numpy(output))


def padding():
    """Padding in front, a hole, and a row of nothing else."""
    is_real = np.ones((3, LENGTH), bool)
    is_real[1, :4], is_real[1, 8], is_real[2] = False, False, False
    return is_real


def global_tokens():
    """Other tokens in each row, one of them padding; none in row 0."""
    is_global = np.zeros((3, LENGTH), bool)
    is_global[1, [1, 6, 12]] = True
    is_global[2, 0] = True
    return is_global


@pytest.mark.parametrize("name", KINDS)
def test_it_equals_the_definition(name):
    layer, x = make(name), inputs(LENGTH, 3)
    documents = np.array([[0] * 5 + [1] * 8, [3] * 11 + [2] * 2, [0] * LENGTH])
    masks = {"padding_mask": padding(), "document_ids": documents}
    known = {"is_real": padding(), "documents": documents}
    if name in WINDOWED:
        masks["global_attention_mask"] = global_tokens()
        known["is_global"] = global_tokens()
    expected = by_definition(layer, x, **known)
    np.testing.assert_allclose(call(layer, x, **masks), expected, atol=3e-5)


@pytest.mark.parametrize("name", KINDS)
def test_without_masks_it_equals_the_definition(name):
    layer, x = make(name), inputs(LENGTH)
    np.testing.assert_allclose(call(layer, x), by_definition(layer, x), atol=3e-5)


def test_a_long_text_equals_the_definition():
    # So long that the op walks over blocks.
    layer, x = make("longformer"), inputs(700, batch_size=1)
    is_global = np.arange(700)[None] % 300 == 7
    expected = by_definition(layer, x, is_global=is_global)
    actual = call(layer, x, global_attention_mask=is_global)
    np.testing.assert_allclose(actual, expected, atol=3e-5)


@pytest.mark.parametrize("name", ["full", "full_causal", "window"])
def test_a_length_that_is_not_known_in_tracing_changes_nothing(name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends trace known lengths")
    import tensorflow as tf

    layer, x = make(name), inputs(LENGTH)

    @tf.function(input_signature=[tf.TensorSpec((None, None, x.shape[-1]))])
    def compiled(x):
        return layer(x, return_attention_scores=[3, 12])

    for one, other in zip(
        compiled(x), layer(x, return_attention_scores=[3, 12]), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=3e-5)


def test_a_window_wider_than_the_text_is_full_attention():
    full = make("full")
    windowed = make("window", attention_window=2 * LENGTH)
    np.testing.assert_allclose(
        call(full, inputs(LENGTH)), call(windowed, inputs(LENGTH)), atol=1e-6
    )


def test_a_mask_without_global_tokens_is_local_attention():
    longformer, x = make("longformer"), inputs(LENGTH)
    window = make("window")
    nowhere = np.zeros((2, LENGTH), bool)
    np.testing.assert_allclose(
        call(longformer, x, global_attention_mask=nowhere), call(window, x), atol=1e-6
    )


def test_padded_tokens_get_the_output_bias_whatever_stands_there():
    layer, x, is_real = make("longformer"), inputs(LENGTH, 3), padding()
    masks = {"padding_mask": is_real, "global_attention_mask": global_tokens()}
    clean = call(layer, x, **masks)
    bias = ops.convert_to_numpy(layer.output_dense.bias)
    np.testing.assert_array_equal(
        clean[~is_real], np.broadcast_to(bias, clean[~is_real].shape)
    )
    x[~is_real] = np.nan
    np.testing.assert_array_equal(call(layer, x, **masks), clean)


def test_integer_masks_work_like_boolean_ones():
    layer, x = make("longformer"), inputs(LENGTH, 3)
    masks = {"padding_mask": padding(), "global_attention_mask": global_tokens()}
    expected = call(layer, x, **masks)
    masks = {name: mask.astype("int32") for name, mask in masks.items()}
    np.testing.assert_array_equal(call(layer, x, **masks), expected)


def test_the_first_tokens_stay_as_they_are_when_a_later_global_one_changes():
    layer, x = make("longformer_causal"), inputs(LENGTH)
    is_global = np.broadcast_to(np.isin(np.arange(LENGTH), [2, 9]), (2, LENGTH))
    before = call(layer, x, global_attention_mask=is_global)
    x[:, 9] += 1.0
    after = call(layer, x, global_attention_mask=is_global)
    np.testing.assert_array_equal(after[:, :9], before[:, :9])
    assert (np.abs(after[:, 9:] - before[:, 9:]).max(axis=-1) > 1e-3).all()


@pytest.mark.parametrize("name", ["full", "window_causal", "longformer"])
def test_dropout_is_that_of_the_reference_and_repeats_with_its_seed(name):
    layer, x = make(name, dropout=0.4, seed=5), inputs(LENGTH)
    np.testing.assert_array_equal(call(layer, x), call(make(name), x))
    rows = reference_attention(
        *(part.astype("float32") for part in projected(layer, x)),
        layer._pattern(LENGTH),
        dropout=0.4,
        seed=keras.random.SeedGenerator(5),
    )
    expected = layer.output_dense(ops.reshape(rows, (2, LENGTH, -1)))
    first = call(layer, x, training=True)
    np.testing.assert_allclose(first, expected, atol=3e-5)
    assert np.abs(call(layer, x, training=True) - first).max() > 1e-2
    again = make(name, dropout=0.4, seed=5)
    np.testing.assert_array_equal(call(again, x, training=True), first)


def test_without_dropout_there_is_no_state_of_a_generator():
    assert len(make("longformer").variables) == len(make("longformer").weights)


@pytest.mark.parametrize(
    ("name", "options", "slots"),
    [
        ("self_alone", {}, 1),
        ("window_causal", {}, 3),
        ("window_causal", {"attention_dilation": 2}, 5),
        ("dilated_by_head", {}, 9),
        ("full_causal", {}, 77),
    ],
)
def test_a_ring_has_as_many_slots_as_the_window_reaches(name, options, slots):
    layer = make(name, **options)
    assert layer.cache_slots(77) == slots
    keys, values = layer.initial_cache(2, 77)["ring"]
    assert tuple(keys.shape) == tuple(values.shape) == (2, slots, HEADS, 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("window", "needs a layer with `is_causal=True`"),
        ("full_causal", "`max_length`"),
    ],
)
def test_a_cache_that_cannot_be_says_why(name, message):
    with pytest.raises(ValueError, match=message):
        make(name).initial_cache(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_window": 5}, "must be even.*attention_window=5"),
        ({"attention_window": 0}, "attention_window=0"),
        ({"attention_window": 0, "is_causal": True}, "attention_window=0"),
        ({"attention_dilation": [1, 2, 3]}, r"num_heads=2"),
        ({"num_key_value_heads": 3}, "must divide `num_heads`.*num_key_value_heads=3"),
        ({"num_heads": 0}, "`num_heads` must be an int of at least 1.*num_heads=0"),
        ({"head_dim": 2.5}, "`head_dim`.*head_dim=2.5"),
        ({"dropout": 1.0}, "less than 1.*dropout=1.0"),
    ],
)
@pytest.mark.parametrize("layer", [SlidingWindowAttention, LongformerSelfAttention])
def test_arguments_that_do_not_fit_are_named(layer, options, message):
    options = {"num_heads": HEADS, "attention_window": 4, **options}
    with pytest.raises(ValueError, match=message):
        layer(**options)


def test_heads_must_divide_the_hidden_dimension_or_have_a_size():
    with pytest.raises(ValueError, match=r"`num_heads` must divide.*hidden_dim=7"):
        FullSelfAttention(HEADS).build((None, None, 7))
    FullSelfAttention(HEADS, head_dim=3).build((None, None, 7))


def test_rotary_positions_need_heads_of_an_even_size():
    layer = FullSelfAttention(HEADS, rope_max_wavelength=500.0)
    with pytest.raises(ValueError, match=r"`head_dim` must be even.*head_dim=3"):
        layer.build((None, None, 6))
