"""Our own presets on the Hub are checked before anything is made of them."""

import json

import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.models import (
    ByteTokenizer,
    LongformerTextClassifier,
    LongformerTextClassifierPreprocessor,
    LongformerTokenizer,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from tests.conversion.small_hub import NAME, used_hub
from tests.models.longformer.small_longformer import small_backbone

HANDLE = f"hf://{NAME}"


def classifier():
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    tokenizer = LongformerTokenizer.from_byte_pair(
        {token: i for i, token in enumerate(vocabulary)}, ["a b"]
    )
    preprocessor = LongformerTextClassifierPreprocessor(tokenizer, sequence_length=8)
    return LongformerTextClassifier(small_backbone(), 2, preprocessor)


def language_model():
    backbone = RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8)
    return RecurrentCausalLM(
        backbone, RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=8)
    )


@pytest.fixture(scope="module")
def models():
    return {"longformer": classifier(), "recurrent": language_model()}


@pytest.fixture(params=["longformer", "recurrent"])
def model(models, request):
    return models[request.param]


@pytest.fixture
def remote(model, tmp_path):
    model.save_to_preset(tmp_path / "remote")
    return tmp_path / "remote"


@pytest.fixture
def hub(remote, tmp_path, monkeypatch):
    with used_hub(remote, tmp_path / "cache", monkeypatch) as hub:
        yield hub


def test_a_preset_of_the_hub_is_the_model_that_was_saved(hub, model):
    loaded = type(model).from_preset(HANDLE)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    given, wanted = (x.preprocessor(["ab"]) for x in (loaded, model))
    np.testing.assert_array_equal(
        *((x if isinstance(x, dict) else x[0])["token_ids"] for x in (given, wanted))
    )


def test_what_has_no_weights_is_downloaded_without_them(hub, model):
    type(model).preprocessor_cls.from_preset(HANDLE)
    type(model).from_preset(HANDLE, load_weights=False)
    assert not [name for name in hub.downloaded if name.endswith(".h5")]
    assert "tokenizer.json" in hub.downloaded


def test_damaged_weights_of_the_hub_are_refused(hub, model, remote):
    weights = remote / "model.weights.h5"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5 is damaged"):
        type(model).from_preset(HANDLE)


@pytest.mark.parametrize("file", ["task.json", "tokenizer.json"])
def test_a_preset_of_the_hub_names_no_class_of_its_own(hub, model, remote, file):
    configuration = json.loads((remote / file).read_text())
    configuration["config"]["name"] = {
        "class_name": "Lambda",
        "module": "keras.layers",
        "registered_name": None,
        "config": {},
    }
    (remote / file).write_text(json.dumps(configuration))
    for kind in (type(model), type(model).preprocessor_cls):
        with pytest.raises(CheckpointError, match=f"{file} names what is not made"):
            kind.from_preset(HANDLE)
