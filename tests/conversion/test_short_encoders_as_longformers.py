"""Folders of short encoders become Longformers on both roads, with any task."""

import logging

import keras_hub
import numpy as np
import pytest

from longkeras.conversion import convert_to_long, from_huggingface, to_huggingface
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.models import (
    ExactBertMaskedLM,
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTokenClassifier,
    LongformerTokenizer,
)
from tests.conversion.small_checkpoint import (
    LABELS,
    P,
    read,
    tensors_of,
    values_of,
    write_checkpoint,
)
from tests.conversion.small_encoders import small_encoder
from tests.conversion.small_short_checkpoint import (
    CLASSES,
    SIZES,
    rows,
    short_length,
    short_tensors,
    write_short,
)
from tests.models.longformer.small_longformer import outputs_of

FAMILIES = list(CLASSES)
TASKS = {
    "masked_lm": LongformerMaskedLM,
    "text_classifier": LongformerTextClassifier,
    "question_answerer": LongformerQuestionAnswerer,
    "token_classifier": LongformerTokenClassifier,
}
CLASSIFIERS = ("text_classifier", "token_classifier")
each_family = pytest.mark.parametrize("family", FAMILIES)
each_road = pytest.mark.parametrize("road", ["from_preset", "convert_to_long"])
# `test_both_roads_give_one_model` says that the short suite may take one of them.
one_road = pytest.mark.parametrize(
    "road",
    ["from_preset", pytest.param("convert_to_long", marks=pytest.mark.slow)],
)
each_task = pytest.mark.parametrize("task", TASKS)


@pytest.fixture(scope="module")
def headless(tmp_path_factory):
    """The folder of a plain encoder of each family."""
    folder = tmp_path_factory.mktemp("headless")
    return {
        family: write_short(folder / family, short_tensors(family), family)
        for family in FAMILIES
    }


def made(road, folder, task, **options):
    if road == "from_preset":
        return TASKS[task].from_preset(folder, **{**SIZES, **options})
    return convert_to_long(folder, task=task, **{**SIZES, **options})


def new_heads(caplog):
    return [x.message for x in caplog.records if "is new" in x.message]


@each_family
@one_road
@each_task
def test_a_plain_encoder_becomes_any_task(task, road, family, headless, caplog):
    options = {"num_classes": 2} if task in CLASSIFIERS else {}
    with caplog.at_level(logging.INFO, "longkeras"):
        model = made(road, headless[family], task, **options)
    assert type(model) is TASKS[task]
    assert new_heads(caplog) == [
        f"{headless[family]}: the head of {TASKS[task].__name__} is new"
    ]
    assert len(caplog.records) == 1
    assert model.backbone.max_sequence_length == SIZES["max_sequence_length"]
    assert model.preprocessor.max_sequence_length == SIZES["max_sequence_length"]
    assert model.preprocessor.tokenizer("a b").size >= 2
    assert not model.backbone.use_pooler
    assert model.backbone.tie_embedding_weights
    expected = short_tensors(family)["encoder.layer.1.output.dense.weight"]
    kernel = model.backbone.transformer_layers[1].output_dense.kernel
    np.testing.assert_array_equal(kernel, expected.T)
    head = model.layers[-1].weights if task == "masked_lm" else model.weights[-2:]
    assert any(np.abs(values_of(weight)).max() > 0 for weight in head)


@each_road
def test_class_names_say_how_many_classes(road, headless):
    model = made(road, headless["bert"], "text_classifier", class_names=["a", "b", "c"])
    assert (model.num_classes, model.class_names) == (3, ["a", "b", "c"])


@each_road
def test_a_new_classifier_asks_for_its_classes(road, headless):
    with pytest.raises(ValueError, match="`num_classes` or `class_names` must be"):
        made(road, headless["roberta"], "text_classifier")


@each_family
def test_4096_tokens_and_windows_of_512_unless_told_otherwise(family, headless):
    folder = headless[family]
    for model in (
        convert_to_long(folder),
        LongformerBackbone.from_preset(folder),
        LongformerBackbone.from_preset(folder, load_weights=False),
    ):
        assert (model.max_sequence_length, model.attention_window) == (4096, 512)
    preprocessor = LongformerTextClassifier.preprocessor_cls.from_preset(folder)
    assert preprocessor.max_sequence_length == 4096
    assert LongformerTokenizer.from_preset(folder)("a").size >= 1


@each_family
def test_both_roads_give_one_model(family, headless):
    one = convert_to_long(headless[family], **SIZES)
    other = LongformerBackbone.from_preset(headless[family], **SIZES)
    assert one.use_pooler and other.use_pooler
    for name, values in outputs_of(one, rows(family)).items():
        np.testing.assert_array_equal(outputs_of(other, rows(family))[name], values)


@each_road
def test_a_length_below_the_encoders_own_is_refused(road, headless):
    own = short_length("roberta")
    with pytest.raises(ValueError, match=f"at least that of the model, {own}"):
        made(road, headless["roberta"], "masked_lm", max_sequence_length=own - 1)


def test_other_arguments_of_the_class_are_taken(headless):
    given = {"num_classes": 2, "dropout": 0.0, "dtype": "bfloat16"}
    model = LongformerTextClassifier.from_preset(
        headless["bert"], preprocessor=None, **SIZES, **given
    )
    assert model.preprocessor is None
    assert (model.dropout, model.backbone.dropout) == (0.0, 0.0)
    assert model.backbone.token_embedding.embeddings.dtype == "bfloat16"


def test_without_a_tokenizer_a_separator_may_be_given(tmp_path):
    tensors = short_tensors("bert")
    folder = write_short(tmp_path, tensors, "bert", sep_token_id=None)
    (folder / "vocab.txt").unlink()
    with pytest.raises(ValueError, match="tokenizer or a sep_token_id"):
        LongformerQuestionAnswerer.from_preset(folder, **SIZES)
    model = LongformerQuestionAnswerer.from_preset(folder, separator_id=3, **SIZES)
    assert model.separator_id == 3


@each_family
@one_road
def test_a_classifiers_own_head_is_kept_for_as_many_classes(
    road, family, tmp_path, caplog
):
    tensors = short_tensors(family, "text_classifier")
    folder = write_short(tmp_path, tensors, family, "text_classifier")
    name = "classifier.weight" if family == "bert" else "classifier.out_proj.weight"
    for options in ({}, {"num_classes": 3}):
        model = made(road, folder, "text_classifier", **options)
        np.testing.assert_array_equal(model.output_dense.kernel, tensors[name].T)
        assert model.class_names == list(LABELS.values())
    assert not new_heads(caplog)
    model = made(road, folder, "text_classifier", num_classes=2)
    assert (model.num_classes, model.class_names) == (2, None)
    assert len(new_heads(caplog)) == 1


@one_road
def test_the_head_of_another_task_is_no_head(road, tmp_path, caplog):
    tensors = short_tensors("bert", "token_classifier")
    folder = write_short(tmp_path, tensors, "bert", "token_classifier")
    model = made(road, folder, "text_classifier", num_classes=3)
    assert not np.array_equal(
        values_of(model.output_dense.kernel), tensors["classifier.weight"].T
    )
    assert model.class_names is None
    assert len(new_heads(caplog)) == 1


def test_berts_pooler_is_the_first_layer_of_its_classifier(headless):
    model = made("from_preset", headless["bert"], "text_classifier", num_classes=2)
    pooler = short_tensors("bert")["pooler.dense.weight"]
    np.testing.assert_array_equal(model.pooled_dense.kernel, pooler.T)


@one_road
def test_a_preset_of_kerashub_becomes_any_task(road, tmp_path, caplog):
    short = small_encoder("roberta")
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    tokenizer = keras_hub.models.RobertaTokenizer(
        {token: i for i, token in enumerate(tokens)}, ["a b"]
    )
    short.save_to_preset(str(tmp_path))
    tokenizer.save_to_preset(str(tmp_path))
    for task in TASKS:
        caplog.clear()
        options = {"num_classes": 2} if task in CLASSIFIERS else {}
        model = made(road, tmp_path, task, **options)
        assert type(model) is TASKS[task]
        assert len(new_heads(caplog)) == 1
        assert model.preprocessor.tokenizer("a").tolist() == [5]
        words = short.embeddings.token_embedding.embeddings
        embeddings = model.backbone.token_embedding.embeddings
        np.testing.assert_array_equal(embeddings, words)


def test_the_position_table_of_a_longformer_can_be_made_longer_too(tmp_path):
    tensors = tensors_of()
    write_checkpoint(tmp_path, tensors)
    model = LongformerBackbone.from_preset(tmp_path, max_sequence_length=P + 3)
    table = tensors["embeddings.position_embeddings.weight"]
    expected = np.concatenate([table, table[2:7]])
    positions = model.position_embedding.position_embeddings
    np.testing.assert_array_equal(positions, expected)
    with pytest.raises(ValueError, match="at least that of the model"):
        LongformerBackbone.from_preset(tmp_path, max_sequence_length=P - 3)


@pytest.mark.parametrize("ending", ["SequenceClassification", "QuestionAnswering"])
def test_a_task_leaves_the_pooler_of_a_longformers_checkpoint_out(ending, tmp_path):
    architecture = f"LongformerFor{ending}"
    model = read(tmp_path, tensors_of(architecture, pooler=True), architecture)
    assert not model.backbone.use_pooler


def trained(model):
    """The paths of weights that a step changed, after a fit without a warning."""
    model.compile(optimizer="sgd", run_eagerly=True)
    before = {x.path: values_of(x).copy() for x in model.trainable_variables}
    targets = np.array([0, 1]) if hasattr(model, "num_classes") else None
    model.fit(["a b good", "b b a"], targets, batch_size=2, verbose=0)
    after = {x.path: values_of(x) for x in model.trainable_variables}
    return [path for path in before if (after[path] != before[path]).any()]


def test_a_converted_classifier_has_no_weight_that_is_not_trained(headless):
    model = made("from_preset", headless["bert"], "text_classifier", num_classes=2)
    # Keras' warning of missing gradients would be an error here.
    changed = trained(model)
    assert len(changed) > 0.8 * len(model.trainable_variables)


def test_a_pooler_that_no_task_reads_is_frozen_and_not_written(headless, tmp_path):
    backbone = LongformerBackbone.from_preset(headless["bert"], **SIZES)
    preprocessor = LongformerTextClassifier.preprocessor_cls.from_preset(
        headless["bert"], max_sequence_length=SIZES["max_sequence_length"]
    )
    model = LongformerTextClassifier(backbone, 2, preprocessor)
    backbone.trainable = True  # as for the second stage of fine-tuning
    assert not [path for path in trained(model) if "pooler_dense" in path]
    to_huggingface(model, tmp_path / "long")
    assert not [x for x in read_tensors(tmp_path / "long") if "pooler" in x]
    again = from_huggingface(tmp_path / "long")
    np.testing.assert_array_equal(
        outputs_of(again, rows("bert")), outputs_of(model, rows("bert"))
    )


def test_an_output_of_its_own_is_trained_by_a_masked_language_model_alone():
    sizes = {
        "vocabulary_size": 20,
        "num_layers": 1,
        "num_heads": 1,
        "hidden_dim": 4,
        "intermediate_dim": 4,
        "attention_window": 4,
        "max_sequence_length": 8,
        "tie_embedding_weights": False,
    }

    def paths(model):
        return [x.path for x in model.trainable_variables]

    own = "token_embedding/reverse_embeddings"
    classifier = LongformerTextClassifier(LongformerBackbone(**sizes), 2)
    assert own not in paths(classifier)
    assert own in paths(LongformerMaskedLM(LongformerBackbone(**sizes)))


def test_berts_masked_language_model_does_not_train_its_pooler(headless):
    model = from_huggingface(headless["bert"], "masked_lm", dropout=0.1)
    assert isinstance(model, ExactBertMaskedLM)
    assert not any("pooled" in x.path for x in model.trainable_variables)
