"""`from_preset` of the Longformer classes takes Hugging Face checkpoints too."""

import json

import keras_hub
import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion import from_huggingface, to_huggingface
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTokenClassifier,
    LongformerTokenizer,
)
from tests.conversion.small_checkpoint import P, tensors_of, write_checkpoint

TASKS = {
    "LongformerForMaskedLM": LongformerMaskedLM,
    "LongformerForSequenceClassification": LongformerTextClassifier,
    "LongformerForQuestionAnswering": LongformerQuestionAnswerer,
    "LongformerForTokenClassification": LongformerTokenClassifier,
}
CLASSIFIER = "LongformerForSequenceClassification"


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path, tensors_of(CLASSIFIER), CLASSIFIER)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    return str(tmp_path)


def assert_equal_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("architecture", TASKS)
def test_a_task_is_read_as_its_own_class(architecture, tmp_path):
    write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    model = TASKS[architecture].from_preset(str(tmp_path))
    assert type(model) is TASKS[architecture]
    assert_equal_weights(model, from_huggingface(tmp_path))


def test_a_backbone_is_read_from_a_task(folder):
    backbone = LongformerBackbone.from_preset(folder)
    assert_equal_weights(backbone, from_huggingface(folder).backbone)
    assert LongformerBackbone.from_preset(folder, load_weights=False).count_params()


class OwnClassifier(LongformerTextClassifier):
    """A subclass of the user's, which passes its arguments on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class OwnBackbone(LongformerBackbone):
    """A subclass of the user's without a constructor."""


def test_subclasses_are_read_as_themselves(folder):
    model = OwnClassifier.from_preset(folder, activation="softmax")
    assert type(model) is OwnClassifier
    assert model.activation.__name__ == "softmax"
    assert_equal_weights(model, from_huggingface(folder))
    assert type(OwnBackbone.from_preset(folder)) is OwnBackbone


def test_a_number_of_classes_makes_a_new_head(folder):
    model = LongformerTextClassifier.from_preset(folder, num_classes=5)
    assert model.num_classes == 5
    assert_equal_weights(model.backbone, from_huggingface(folder).backbone)


def test_a_tokenizer_and_a_preprocessor_are_read(folder):
    tokenizer = LongformerTokenizer.from_preset(folder)
    assert tokenizer("abba").tolist() == [7, 6, 5]
    kind = LongformerTextClassifier.preprocessor_cls
    preprocessor = kind.from_preset(folder, sequence_length=8)
    assert type(preprocessor) is kind
    assert preprocessor("ab")["token_ids"].tolist() == [0, 7, 2, 1, 1, 1, 1, 1]
    assert kind.from_preset(folder).max_sequence_length == P - 2


def test_a_task_reads_its_tokenizer_too(folder):
    model = LongformerTextClassifier.from_preset(folder)
    model.run_eagerly = True
    assert model.predict(["ab", "ba"], verbose=0).shape == (2, 3)
    bare = LongformerTextClassifier.from_preset(folder, preprocessor=None)
    assert bare.preprocessor is None


@pytest.mark.slow
def test_a_preset_of_ours_is_still_one(folder, tmp_path):
    model = LongformerTextClassifier.from_preset(folder)
    preset = str(tmp_path / "preset")
    model.save_to_preset(preset)
    for kind in (LongformerTextClassifier, keras_hub.models.TextClassifier):
        assert_equal_weights(kind.from_preset(preset), model)
    again = LongformerBackbone.from_preset(preset, load_weights=False)
    assert again.count_params() == model.backbone.count_params()
    assert LongformerTokenizer.from_preset(preset)("abba").tolist() == [7, 6, 5]
    to_huggingface(model, tmp_path / "written")
    written = LongformerTextClassifier.from_preset(str(tmp_path / "written"))
    assert_equal_weights(written, model)


def test_a_faulty_checkpoint_is_named(folder, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        LongformerBackbone.from_preset(folder)


def test_what_is_no_checkpoint_is_left_to_keras_hub(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json"):
        LongformerBackbone.from_preset(str(tmp_path))
