"""The embedding of n-grams against its table."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import NGramEmbedding
from longkeras.ops.ngrams.codes import ngram_bins

SIZES = [2, 4]
TEXT = np.array([[5, 6, 7, 5, 6, 7, 5], [1, 1, 1, 2, 2, 1, 1]])


@pytest.fixture(name="layer")
def _layer():
    keras.utils.set_random_seed(0)
    layer = NGramEmbedding(SIZES, num_bins=50, embedding_dim=3, output_dim=4)
    layer.build(TEXT.shape)
    return layer


def array(x):
    return ops.convert_to_numpy(x)


def test_rows_stand_side_by_side_and_are_projected(layer):
    bins = array(ngram_bins(TEXT, SIZES, 50))
    rows = array(layer.embeddings)[bins].reshape(2, 7, 6)
    expected = rows @ array(layer.output_dense.kernel)
    np.testing.assert_allclose(array(layer(TEXT)), expected, atol=1e-6)


def test_a_token_is_told_by_those_before_it(layer):
    assert layer.reach == 3
    y = array(layer(TEXT))
    # The same four tokens; the same last one after others.
    np.testing.assert_array_equal(y[0, 3], array(layer(TEXT[:, 0:4]))[0, 3])
    assert np.abs(y[0, 3] - y[0, 0]).max() > 1e-3


def test_it_trains_under_xla_and_every_row_that_was_taken_moves(layer):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer])
    before = array(layer.embeddings)
    jit = keras.backend.backend() != "torch"
    model.compile("sgd", "mse", jit_compile=jit)
    model.train_on_batch(TEXT, np.ones((2, 7, 4), "float32"))
    moved = np.flatnonzero(np.abs(array(layer.embeddings) - before).max(axis=1))
    taken = np.unique(array(ngram_bins(TEXT, SIZES, 50)))
    np.testing.assert_array_equal(moved, taken)


def test_half_precision_is_taken_from_full_rows():
    layer = NGramEmbedding(SIZES, 50, 3, 4, dtype="mixed_bfloat16")
    y = layer(TEXT)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(layer.embeddings.dtype) == "float32"
    symbolic = layer(keras.KerasTensor((None, None), dtype="int32"))
    assert symbolic.shape == (None, None, 4)
    assert symbolic.dtype == "bfloat16"


@pytest.mark.parametrize("sizes", [[], 3, [1, 2], ["2"], None])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(ValueError, match=r"`ngram_sizes` must be.*ngram_sizes="):
        NGramEmbedding(sizes, 50, 3, 4)
