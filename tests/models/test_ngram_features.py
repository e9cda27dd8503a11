"""The `ngram_features` of causal backbones, and the six arguments before it."""

import pytest

from longkeras.layers import NGramFeatures
from longkeras.models import CausalTransformerBackbone, RecurrentBackbone

SIZES = {"vocabulary_size": 20, "num_layers": 1, "hidden_dim": 4}
BACKBONES = {
    CausalTransformerBackbone: {**SIZES, "num_heads": 1, "intermediate_dim": 4},
    RecurrentBackbone: SIZES,
}
each_backbone = pytest.mark.parametrize("backbone_cls", BACKBONES)


@each_backbone
def test_a_config_with_the_earlier_arguments_makes_the_same_model(backbone_cls):
    features = NGramFeatures([2, 3], 16, 5, head_sizes=[2], head_window=9, head_dim=3)
    expected = backbone_cls(**BACKBONES[backbone_cls], ngram_features=features)
    config = expected.get_config()
    del config["ngram_features"]
    config.update(
        ngram_sizes=[2, 3],
        ngram_bins=16,
        ngram_dim=5,
        ngram_head_sizes=[2],
        ngram_head_window=9,
        ngram_head_dim=3,
    )
    model = backbone_cls.from_config(config)
    assert model.ngram_features == features
    assert "ngram_sizes" in config
    assert model.get_config() == expected.get_config()
    shapes = [(weight.path, weight.shape) for weight in model.weights]
    assert shapes == [(weight.path, weight.shape) for weight in expected.weights]


@each_backbone
def test_a_config_of_before_without_sizes_has_no_features(backbone_cls):
    config = {"ngram_sizes": None, "ngram_bins": 16, "ngram_dim": 5}
    model = backbone_cls.from_config({**BACKBONES[backbone_cls], **config})
    assert model.ngram_features is model.ngram_embedding is model.ngram_heads is None
    assert model.token_reach == 0


@each_backbone
def test_an_earlier_argument_is_refused_with_the_new_one(backbone_cls):
    expected = r"`ngram_bins` is now .*NGramFeatures\(num_bins=.*ngram_bins=16"
    with pytest.raises(ValueError, match=expected):
        backbone_cls(**BACKBONES[backbone_cls], ngram_sizes=[2], ngram_bins=16)


@each_backbone
def test_features_of_another_type_are_refused(backbone_cls):
    with pytest.raises(ValueError, match=r"`ngram_features` must be .*\[2, 3\]"):
        backbone_cls(**BACKBONES[backbone_cls], ngram_features=[2, 3])
