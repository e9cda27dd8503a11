"""The configuration of n-gram layers."""

import dataclasses

import pytest

from longkeras.layers import NGramFeatures


def test_features_are_compared_by_value():
    features = NGramFeatures(sizes=[2, 3], num_bins=16)
    assert features == NGramFeatures(sizes=(2, 3), num_bins=16)
    assert hash(features) == hash(NGramFeatures((2, 3), 16))
    assert features != NGramFeatures(sizes=[2, 3], num_bins=17)
    with pytest.raises(dataclasses.FrozenInstanceError):
        features.num_bins = 17


@pytest.mark.parametrize("name", ["sizes", "head_sizes"])
@pytest.mark.parametrize("sizes", [[], [1], 3, [2, "3"]])
def test_sizes_that_make_no_n_grams_are_refused(name, sizes):
    with pytest.raises(ValueError, match=rf"`{name}` must be.*Received: {name}="):
        NGramFeatures(**{name: sizes})


def test_features_need_an_embedding_or_heads():
    with pytest.raises(ValueError, match="`sizes` or `head_sizes` must be given"):
        NGramFeatures(num_bins=16)
