"""Attention layers of Keras, taken over with their weights."""

import keras
import numpy as np
import pytest

from longkeras.layers import SlidingWindowAttention
from tests.layers.attention_definition import HIDDEN_DIM, inputs

MAKE = {
    "multi_head": lambda **options: keras.layers.MultiHeadAttention(
        2, key_dim=6, **options
    ),
    "grouped_query": lambda **options: keras.layers.GroupQueryAttention(
        4, num_query_heads=4, num_key_value_heads=2, **options
    ),
}


def used(kind, **options):
    """A built layer of Keras, and its input."""
    layer, x = MAKE[kind](bias_initializer="normal", **options), inputs(11)
    layer.build(x.shape, x.shape)
    return layer, x


@pytest.mark.parametrize(
    ("sliding_window", "is_causal", "attention_window"),
    [(1, False, 1), (4, False, 6), (20, False, 38), (1, True, 1), (4, True, 4)],
)
@pytest.mark.parametrize("kind", MAKE)
def test_outputs_are_equal(kind, sliding_window, is_causal, attention_window):
    theirs, x = used(kind, sliding_window=sliding_window, name="attention", dropout=0.1)
    ours = SlidingWindowAttention.from_keras_attention(theirs, is_causal)
    assert ours.attention_window == attention_window
    assert ours.name == "attention" and ours.dropout == 0.1
    expected = theirs(x, x, use_causal_mask=is_causal)
    np.testing.assert_allclose(ours(x), expected, atol=2e-6)


def test_dtype_and_missing_biases_are_taken_over():
    theirs, x = used(
        "multi_head", sliding_window=3, use_bias=False, dtype="mixed_bfloat16"
    )
    ours = SlidingWindowAttention.from_keras_attention(theirs)
    assert ours.compute_dtype == "bfloat16" and len(ours.weights) == 4
    np.testing.assert_allclose(
        np.asarray(ours(x), "float32"), np.asarray(theirs(x, x), "float32"), atol=0.05
    )


def test_the_implicit_mask_of_keras_is_obeyed():
    token_ids = np.array([[1, 2, 3, 4, 0, 0], [1, 2, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(5, HIDDEN_DIM, mask_zero=True)
    theirs = keras.layers.MultiHeadAttention(2, key_dim=6, sliding_window=3)
    x = embedding(token_ids)
    expected = np.asarray(theirs(x, x))
    ours = SlidingWindowAttention.from_keras_attention(theirs)
    real = token_ids > 0
    # Anew: their call took the mask off its input.
    actual = np.asarray(ours(embedding(token_ids)))
    np.testing.assert_allclose(actual[real], expected[real], atol=2e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`layer` must have a `sliding_window`"),
        ({"sliding_window": 3, "use_gate": True}, "use_gate set otherwise"),
        ({"sliding_window": 3, "value_dim": 5}, "value_dim set otherwise"),
        ({"sliding_window": 3, "output_shape": 5}, "output_shape set otherwise"),
        ({"sliding_window": 3, "kernel_regularizer": "l2"}, "kernel_regularizer"),
    ],
)
def test_what_we_have_not_is_refused(options, message):
    layer, _ = used("multi_head", **options)
    with pytest.raises(ValueError, match=message):
        SlidingWindowAttention.from_keras_attention(layer)


def test_attention_across_two_texts_is_refused():
    layer = MAKE["multi_head"](sliding_window=3)
    x = inputs(11)
    layer(x, x[..., :5])
    with pytest.raises(ValueError, match="query, key and value of one size"):
        SlidingWindowAttention.from_keras_attention(layer)


@pytest.mark.parametrize(
    "layer", [MAKE["multi_head"](sliding_window=3), keras.layers.Dense(3)]
)
def test_only_a_layer_that_was_built_has_weights(layer):
    with pytest.raises(ValueError, match="that is built: call it once"):
        SlidingWindowAttention.from_keras_attention(layer)
