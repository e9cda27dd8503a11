"""Models whose weights are loaded anyway draw no random ones."""

import keras
import numpy as np
import pytest

from longkeras.models.base.initializers import weights_to_be_loaded
from longkeras.models.longformer.backbone import LongformerBackbone


def small_backbone():
    return LongformerBackbone(20, 1, 2, 8, 12, 4, max_sequence_length=16, seed=1)


def kernels(model):
    return [
        keras.ops.convert_to_numpy(weight)
        for weight in model.weights
        if weight.path.endswith(("kernel", "embeddings"))
    ]


def test_a_model_to_be_loaded_starts_with_zeros():
    with weights_to_be_loaded():
        model = small_backbone()
    assert not any(kernel.any() for kernel in kernels(model))


def test_models_made_afterwards_start_with_random_numbers():
    expected = kernels(small_backbone())
    with weights_to_be_loaded():
        model = small_backbone()
    again = type(model).from_config(model.get_config())
    for one, other in zip(kernels(again), expected, strict=True):
        assert one.any()
        np.testing.assert_array_equal(one, other)
    # Layers that are made again from their own configuration do too.
    layer = model.transformer_layers[0]
    copy = type(layer).from_config(layer.get_config())
    copy.build((None, None, 8))
    assert all(kernel.any() for kernel in kernels(copy))


def test_an_error_ends_it():
    with pytest.raises(RuntimeError), weights_to_be_loaded():
        raise RuntimeError
    assert all(kernel.any() for kernel in kernels(small_backbone()))
