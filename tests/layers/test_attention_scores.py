"""Attention weights of chosen tokens: where they stand, and what they add up to."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import FullSelfAttention, LongformerSelfAttention
from tests.layers.attention_definition import draw_weights, inputs, projected

LENGTH, HEADS = 12, 2
GLOBALS = np.isin(np.arange(LENGTH), [0, 7])[None].repeat(2, axis=0)
REAL = np.ones((2, LENGTH), bool)
REAL[1, 9:] = False
MASKS = {"padding_mask": REAL, "global_attention_mask": GLOBALS}


def longformer(**options):
    return draw_weights(LongformerSelfAttention(HEADS, 4, **options))


def scores_of(layer, rows, **masks):
    _, scores = layer(inputs(LENGTH), return_attention_scores=rows, **masks)
    return ops.convert_to_numpy(scores)


@pytest.mark.parametrize(
    "options",
    [{}, {"is_causal": True, "rope_max_wavelength": 500.0}, {"num_key_value_heads": 1}],
    ids=["bidirectional", "causal", "grouped"],
)
def test_values_weighted_by_the_scores_are_the_output(options):
    layer, x = longformer(**options), inputs(LENGTH)
    output, scores = layer(x, return_attention_scores=True, **MASKS)
    values = [
        np.repeat(value, HEADS // value.shape[2], axis=2)
        for value in (projected(layer, x)[2], projected(layer, x, "global_")[2])
    ]
    # b batch, h head, q query, k key, d head_dim
    local, apart = (np.einsum("bhqk,bkhd->bqhd", scores, value) for value in values)
    rows = np.where((GLOBALS & REAL)[:, :, None, None], apart, local)
    expected = layer.output_dense(rows.reshape(2, LENGTH, -1).astype("float32"))
    np.testing.assert_allclose(output, expected, atol=2e-5)


def test_tokens_out_of_sight_get_nothing_and_the_rest_adds_up_to_one():
    scores = scores_of(longformer(), True, **MASKS)
    near = np.abs(np.arange(LENGTH) - np.arange(LENGTH)[:, None]) <= 2
    seen = (near | GLOBALS[:, None] | GLOBALS[:, :, None]) & REAL[:, None]
    seen = seen & REAL[:, :, None]
    np.testing.assert_array_equal(
        scores > 0, np.broadcast_to(seen[:, None], scores.shape)
    )
    np.testing.assert_allclose(
        scores.sum(axis=-1), np.broadcast_to(REAL[:, None], scores.shape[:3]), atol=1e-6
    )


def test_chosen_rows_are_rows_of_the_whole_matrix():
    layer = longformer()
    whole = scores_of(layer, True, **MASKS)
    chosen = scores_of(layer, [7, 2], **MASKS)
    np.testing.assert_allclose(chosen, whole[:, :, [7, 2]], atol=1e-6)
    others = scores_of(layer, np.array([[1], [10]]), **MASKS)
    np.testing.assert_allclose(others[0], whole[0][:, [1]], atol=1e-6)
    np.testing.assert_array_equal(others[1], 0.0)


def test_packed_documents_are_apart_in_the_scores():
    documents = np.array([[0] * 5 + [1] * 7] * 2)
    scores = scores_of(longformer(), [0, 7], **MASKS, document_ids=documents)
    assert (scores[:, :, 0, 5:] == 0).all() and (scores[0, :, 1, :5] == 0).all()
    assert (scores[0, :, 0, :5] > 0).all() and (scores[0, :, 1, 5:] > 0).all()


def test_scores_are_those_of_keras():
    theirs = keras.layers.MultiHeadAttention(HEADS, key_dim=4)
    x = inputs(LENGTH)
    _, expected = theirs(x, x, return_attention_scores=True)
    ours = FullSelfAttention(HEADS)
    ours.build(x.shape)
    for weight, array in zip(ours.weights, theirs.get_weights(), strict=True):
        weight.assign(array.reshape(weight.shape))
    np.testing.assert_allclose(scores_of(ours, True), expected, atol=1e-6)


def test_scores_can_be_an_output_of_a_model():
    x = keras.Input((None, 8))
    model = keras.Model(x, longformer()(x, return_attention_scores=[0, 3, 4]))
    assert model.outputs[1].shape == (None, HEADS, 3, None)
    output, scores = model(inputs(LENGTH))
    assert tuple(output.shape) == (2, LENGTH, 8)
    assert tuple(scores.shape) == (2, HEADS, 3, LENGTH)


@pytest.mark.parametrize("rows", [[0, 12], [-1], [0.5], [[[0]]]])
def test_rows_must_be_positions_of_the_text(rows):
    with pytest.raises(ValueError, match="`return_attention_scores` must be"):
        longformer()(inputs(LENGTH), return_attention_scores=rows)
