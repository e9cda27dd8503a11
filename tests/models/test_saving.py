"""Models come back from `.keras` files and presets bit for bit."""

import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

from longkeras.models import ByteTokenizer
from tests.models.small_models import KINDS, small_model


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return small_model(request.param, sequence_length=19)


def assert_equal(loaded, model):
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    for one, other in zip(loaded.weights, model.weights, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one), ops.convert_to_numpy(other), err_msg=one.path
        )


def test_a_keras_file_comes_back(model, tmp_path):
    model.save(tmp_path / "model.keras")
    assert_equal(keras.saving.load_model(tmp_path / "model.keras"), model)


def test_a_preset_comes_back_through_our_class_and_through_keras_hub(model, tmp_path):
    model.save_to_preset(str(tmp_path / "preset"))
    for task in (type(model), keras_hub.models.CausalLM):
        loaded = task.from_preset(str(tmp_path / "preset"))
        assert_equal(loaded, model)
        assert loaded.preprocessor.sequence_length == 19
        assert isinstance(loaded.preprocessor.tokenizer, ByteTokenizer)


def test_a_loaded_model_computes_the_same_bits(tmp_path):
    model = small_model("windowed")
    model.save_to_preset(str(tmp_path / "preset"))
    loaded = type(model).from_preset(str(tmp_path / "preset"))
    inputs, _, _ = model.preprocessor(["It was the best of times"])
    one, other = (ops.convert_to_numpy(each(inputs)) for each in (model, loaded))
    np.testing.assert_array_equal(one, other)


def test_parts_come_back_by_themselves(tmp_path):
    model = small_model("windowed")
    model.save_to_preset(str(tmp_path / "preset"))
    backbone = keras_hub.models.Backbone.from_preset(str(tmp_path / "preset"))
    assert_equal(backbone, model.backbone)
    preprocessor = keras_hub.models.CausalLMPreprocessor.from_preset(
        str(tmp_path / "preset")
    )
    assert type(preprocessor) is type(model.preprocessor)
    assert isinstance(preprocessor.tokenizer, ByteTokenizer)


@pytest.mark.parametrize("kind", ["windowed", "lstm"])
def test_a_preset_can_be_loaded_in_half_precision(kind, tmp_path):
    # The recurrent weights' initializer had no half precision on TensorFlow.
    model = small_model(kind)
    model.save_to_preset(str(tmp_path / "preset"))
    loaded = type(model).from_preset(str(tmp_path / "preset"), dtype="bfloat16")
    assert {weight.dtype for weight in loaded.weights} == {"bfloat16"}
