"""Inputs are checked and completed once a forward pass, whatever calls what."""

import keras
import numpy as np
import pytest

from longkeras.models.base.inputs import TextInputs
from tests.models.small_tasks import bert, language_model, longformer

IDS = np.full((2, 9), 7)
MODELS = {
    "longformer": lambda: longformer("TextClassifier", num_classes=2),
    "longformer masks": lambda: longformer("MaskedLM"),
    "bert": lambda: bert(num_classes=2),
    "lstm": lambda: language_model("lstm"),
    "windowed": lambda: language_model("windowed"),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    model = MODELS[request.param]()
    model.preprocessor = None
    return model


@pytest.fixture
def counts(monkeypatch):
    found = {"complete": 0, "checked": 0}

    def counted(name):
        method = getattr(TextInputs, name)

        def run(self, inputs):
            found[name] += 1
            return method(self, inputs)

        monkeypatch.setattr(TextInputs, name, run)

    counted("complete")
    counted("checked")
    return found


def inputs_of(model):
    inputs = {"token_ids": IDS}
    if model.added_inputs:
        inputs["mask_positions"] = np.array([[1], [2]])
    return inputs


def test_a_call_and_a_stateless_call_complete_their_inputs_once(model, counts):
    inputs = inputs_of(model)
    outputs = model(inputs)
    assert counts == {"complete": 1, "checked": 1}
    values = [x.value for x in model.trainable_variables]
    others = [x.value for x in model.non_trainable_variables]
    again, _ = model.stateless_call(values, others, inputs)
    assert counts == {"complete": 2, "checked": 2}
    for one, other in zip(*map(keras.tree.flatten, (outputs, again)), strict=True):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (one, other)), 1e-4)
    model.backbone({"token_ids": IDS})
    assert counts == {"complete": 3, "checked": 3}


def test_a_step_of_predict_completes_its_inputs_once(model, counts):
    model.compile(run_eagerly=True)
    model.predict_on_batch(inputs_of(model))
    # On JAX, Keras first runs models of which a part is not built, such as a tokenizer.
    forwards = (1, 2) if keras.backend.backend() == "jax" else (1,)
    assert counts["complete"] == counts["checked"] in forwards


def test_a_backbone_inside_a_call_of_the_users_may_be_given_less(counts):
    model = longformer("TextClassifier", num_classes=2)

    class Own(type(model)):
        """Reads the backbone's outputs for ids alone."""

        def call(self, inputs, training=None, mask=None):
            return self.backbone({"token_ids": inputs["token_ids"]})

    found = Own(model.backbone, 2)({"token_ids": IDS})["sequence_output"]
    expected = model.backbone({"token_ids": IDS})["sequence_output"]
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (found, expected)))


def test_inputs_are_the_table_of_the_backbone_and_what_the_task_adds():
    model = bert("MaskedLM")
    names = [spec.name for spec in (*model.backbone.input_table, *model.added_inputs)]
    assert names == ["token_ids", "segment_ids", "padding_mask", "mask_positions"]
    assert sorted(model.input) == sorted(names)
    assert all(model.input[name] is x for name, x in model.backbone.input.items())


@pytest.mark.parametrize("kind", ["lstm", "windowed"])
def test_shapes_and_masks_of_every_family_are_checked(kind):
    backbone = language_model(kind).backbone
    ones = np.ones_like(IDS)
    for wrong, why in (
        ({"padding_mask": ones[:, 1:]}, r"`padding_mask` must .*shape \(2, 8\)"),
        ({"padding_mask": ones + 1}, "1 or 0.*values"),
        ({"document_ids": ones[0]}, "`document_ids` must be"),
        ({"token_ids": IDS[0]}, r"`token_ids` must be `\(batch, sequence\)`"),
    ):
        with pytest.raises(ValueError, match=why):
            backbone({"token_ids": IDS, **wrong})


@pytest.mark.parametrize("kind", ["lstm", "windowed"])
def test_a_family_without_a_hugging_face_format_says_so(kind, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    model = language_model(kind)
    for each in (type(model), type(model.backbone)):
        with pytest.raises(ValueError, match="no Hugging Face format for this family"):
            each.from_preset(tmp_path)
