"""BERT, RoBERTa and XLM-R of `transformers` as KerasHub's models, number by number."""

import keras_hub
import numpy as np
import pytest

from longkeras import CheckpointError, load_model, save_model
from longkeras.conversion import from_huggingface
from longkeras.models import ExactBertBackbone, LongformerBackbone
from tests.conversion.small_encoders import (
    BACKBONES,
    MASKED_LMS,
    TEXT_CLASSIFIERS,
    hidden_states_of,
    short_inputs,
)
from tests.conversion.their_encoders import (
    CONFIGS,
    their_folder,
    their_model,
    their_outputs,
)
from tests.models.longformer.small_longformer import outputs_of

pytestmark = pytest.mark.parity

TOLERANCE = 2e-5
MASKED = np.array([[1, 5, 9]] * 2)
each_family = pytest.mark.parametrize("family", sorted(CONFIGS))


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def fitting_model(family, ending, **options):
    """A model that KerasHub's class can hold."""
    if family != "bert":
        options = {"layer_norm_eps": 1e-5, "type_vocab_size": 1, **options}
    return their_model(family, ending, **options)


def num_weights(model):
    return sum(x.numel() for x in model.parameters())


@each_family
def test_a_backbone_has_their_hidden_states(family, tmp_path):
    theirs = fitting_model(family, "Model")
    ours = from_huggingface(their_folder(theirs, tmp_path))
    assert isinstance(ours, BACKBONES[family])
    inputs = short_inputs(family)
    outputs = their_outputs(theirs, inputs)
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours, inputs), outputs["last_hidden_state"][is_real])
    if family == "bert":
        close(outputs_of(ours, inputs)["pooled_output"], outputs["pooler_output"])
        assert ours.count_params() == num_weights(theirs)
    else:
        # Without two positions, the token type and the pooler.
        assert ours.count_params() == num_weights(theirs) - 3 * 8 - 72


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_bert_has_the_activation_and_epsilon_of_its_checkpoint(activation, tmp_path):
    options = {"hidden_act": activation, "layer_norm_eps": 1e-3}
    theirs = fitting_model("bert", "Model", **options)
    ours = from_huggingface(their_folder(theirs, tmp_path))
    inputs = short_inputs("bert")
    expected = their_outputs(theirs, inputs)["last_hidden_state"]
    close(hidden_states_of(ours, inputs), expected[inputs["padding_mask"] == 1])


@each_family
def test_masked_language_models(family, tmp_path):
    theirs = fitting_model(family, "ForMaskedLM")
    ours = from_huggingface(their_folder(theirs, tmp_path))
    assert isinstance(ours, MASKED_LMS[family])
    inputs = short_inputs(family)
    logits = their_outputs(theirs, inputs)["logits"]
    expected = np.take_along_axis(logits, MASKED[..., None], axis=1)
    close(outputs_of(ours, {**inputs, "mask_positions": MASKED}), expected)


@each_family
def test_classifiers_of_texts(family, tmp_path):
    theirs = fitting_model(family, "ForSequenceClassification", num_labels=3)
    ours = from_huggingface(their_folder(theirs, tmp_path))
    assert isinstance(ours, TEXT_CLASSIFIERS[family])
    assert ours.num_classes == 3
    inputs = short_inputs(family)
    close(outputs_of(ours, inputs), their_outputs(theirs, inputs)["logits"])


@each_family
def test_a_new_head_stands_on_the_weights_of_the_checkpoint(family, tmp_path):
    theirs = fitting_model(family, "ForMaskedLM")
    ours = from_huggingface(
        their_folder(theirs, tmp_path), "text_classifier", num_classes=5
    )
    inputs = short_inputs(family)
    assert outputs_of(ours, inputs).shape == (2, 5)
    expected = their_outputs(theirs.base_model, inputs)["last_hidden_state"]
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours.backbone, inputs), expected[is_real])


def test_a_classifier_of_tokens_is_no_classifier_of_texts(tmp_path, caplog):
    theirs = fitting_model("bert", "ForTokenClassification", num_labels=3)
    from_huggingface(their_folder(theirs, tmp_path), "text_classifier")
    assert "the head of ExactBertTextClassifier is new" in caplog.text


def test_an_exact_bert_is_saved_and_loaded(tmp_path):
    theirs = fitting_model("bert", "ForSequenceClassification", hidden_act="relu")
    ours = from_huggingface(their_folder(theirs, tmp_path / "theirs"))
    inputs = short_inputs("bert")
    expected = outputs_of(ours, inputs)
    for name in ("bert.keras", "bert"):
        again = load_model(save_model(ours, tmp_path / name), compile=False)
        np.testing.assert_array_equal(outputs_of(again, inputs), expected)
    again = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "bert"))
    np.testing.assert_array_equal(outputs_of(again, inputs), expected)


def test_our_classes_load_their_own_kind(tmp_path):
    folder = their_folder(fitting_model("bert", "Model"), tmp_path)
    assert isinstance(
        ExactBertBackbone.from_preset(str(folder), load_weights=False),
        ExactBertBackbone,
    )
    assert isinstance(from_huggingface(folder, LongformerBackbone), LongformerBackbone)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden_act": "relu"}, "hidden_act='relu'"),
        ({"layer_norm_eps": 1e-12}, "layer_norm_eps=1e-12"),
        ({"type_vocab_size": 2}, "type_vocab_size=2"),
        ({"attention_probs_dropout_prob": 0.2}, "attention_probs_dropout_prob=0.2"),
    ],
)
def test_what_kerashub_cannot_hold_is_refused_with_the_way_out(options, said, tmp_path):
    folder = their_folder(fitting_model("roberta", "Model", **options), tmp_path)
    with pytest.raises(ValueError, match="convert_to_long") as error:
        from_huggingface(folder)
    assert said in str(error.value)


@pytest.mark.parametrize("ending", ["ForTokenClassification", "ForQuestionAnswering"])
def test_heads_that_kerashub_does_not_have_are_refused(ending, tmp_path):
    folder = their_folder(fitting_model("bert", ending), tmp_path)
    with pytest.raises(ValueError, match="convert_to_long"):
        from_huggingface(folder)


@each_family
def test_an_untied_output_is_refused(family, tmp_path):
    theirs = fitting_model(family, "ForMaskedLM", tie_word_embeddings=False)
    with pytest.raises(ValueError, match="tie_word_embeddings=False"):
        from_huggingface(their_folder(theirs, tmp_path))


@each_family
def test_tensors_that_do_not_fit_are_named(family, tmp_path):
    folder = their_folder(fitting_model(family, "Model"), tmp_path, num_hidden_layers=3)
    with pytest.raises(CheckpointError, match=r"2 layers, and config\.json says 3"):
        from_huggingface(folder)
