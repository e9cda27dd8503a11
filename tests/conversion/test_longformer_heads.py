"""The head of a checkpoint: its own, another, a new one, tied or not."""

import logging

import numpy as np
import pytest

from longkeras.conversion import from_huggingface
from longkeras.models import LongformerTextClassifier
from tests.conversion.small_checkpoint import (
    CLASSES,
    LABELS,
    MLM,
    faulty,
    read,
    tensors_of,
    values_of,
    write_checkpoint,
)


def test_a_dropout_given_is_that_of_backbone_and_head(tmp_path):
    architecture = "LongformerForTokenClassification"
    folder = write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    model = from_huggingface(folder, dropout=0.0)
    assert (model.dropout, model.backbone.dropout) == (0.0, 0.0)


def test_copies_of_tied_weights_are_left_out(tmp_path):
    tensors = tensors_of(MLM)
    words = tensors["longformer.embeddings.word_embeddings.weight"]
    tensors["lm_head.decoder.weight"] = words
    tensors["lm_head.decoder.bias"] = tensors["lm_head.bias"]
    assert read(tmp_path, tensors, MLM).backbone.tie_embedding_weights


def test_an_output_that_is_no_copy_is_untied(tmp_path):
    tensors = tensors_of(MLM)
    words = tensors["longformer.embeddings.word_embeddings.weight"]
    tensors["lm_head.decoder.weight"] = words + 1
    tensors["lm_head.decoder.bias"] = tensors["lm_head.bias"] + 1
    model = read(tmp_path, tensors, MLM)
    assert not model.backbone.tie_embedding_weights
    embedding = model.backbone.token_embedding
    np.testing.assert_array_equal(values_of(embedding.reverse_embeddings), words.T + 1)
    bias = [x for x in model.masked_lm_head.weights if x.path.endswith("output_bias")]
    np.testing.assert_array_equal(values_of(bias[0]), tensors["lm_head.bias"] + 1)
    # A task without that output does not need it.
    backbone = from_huggingface(tmp_path, "backbone")
    assert backbone.tie_embedding_weights


def test_an_untied_output_must_be_there(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM, tie_word_embeddings=False)
    assert "lm_head.decoder.weight" in faulty(folder)


@pytest.mark.parametrize("task", ["text_classifier", LongformerTextClassifier])
def test_a_task_may_be_named_or_given_as_a_class(task, tmp_path):
    architecture = "LongformerForSequenceClassification"
    model = read(tmp_path, tensors_of(architecture), architecture, task)
    assert type(model) is LongformerTextClassifier


def test_a_head_that_is_missing_is_new_and_said_to_be(tmp_path, caplog):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM)
    with caplog.at_level(logging.INFO, "longkeras"):
        model = from_huggingface(folder, "text_classifier", num_classes=4)
    assert model.num_classes == 4
    assert [record.message for record in caplog.records] == [
        f"{folder}: the head of LongformerTextClassifier is new"
    ]


def test_a_new_head_needs_a_number_of_classes(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM)
    with pytest.raises(
        ValueError, match="`num_classes` or `class_names` must be given"
    ):
        from_huggingface(folder, "token_classifier")


def test_half_a_head_is_not_taken_for_none(tmp_path):
    tensors = tensors_of(MLM)
    del tensors["lm_head.dense.bias"]
    assert "lm_head.dense.bias" in faulty(write_checkpoint(tmp_path, tensors, MLM))


def test_class_names_are_kept(tmp_path):
    architecture = "LongformerForTokenClassification"
    tensors = tensors_of(architecture)
    model = read(tmp_path / "named", tensors, architecture)
    assert model.class_names == list(LABELS.values())
    generic = {str(i): f"LABEL_{i}" for i in range(CLASSES)}
    model = read(tmp_path / "generic", tensors, architecture, id2label=generic)
    assert (model.num_classes, model.class_names) == (CLASSES, None)


def test_a_new_number_of_classes_is_a_new_head(tmp_path):
    architecture = "LongformerForTokenClassification"
    folder = write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    model = from_huggingface(folder, num_classes=7)
    assert (model.num_classes, model.class_names) == (7, None)


def test_labels_that_do_not_fit_the_head_are_refused(tmp_path):
    architecture = "LongformerForTokenClassification"
    tensors = tensors_of(architecture)
    two = {"0": "dull", "1": "good"}
    folder = write_checkpoint(tmp_path, tensors, architecture, id2label=two)
    assert "classifier" in faulty(folder)
    gap = {"0": "dull", "2": "good"}
    write_checkpoint(tmp_path, tensors, architecture, id2label=gap)
    assert "id2label" in faulty(tmp_path)


def test_the_separator_is_that_of_the_checkpoint(tmp_path):
    architecture = "LongformerForQuestionAnswering"
    model = read(tmp_path, tensors_of(architecture), architecture)
    assert model.separator_id == 5


@pytest.mark.parametrize(
    "given", [{"num_classes": 3}, {"class_names": ["bad", "so-so", "fine"]}]
)
def test_a_head_of_as_many_classes_is_kept(given, tmp_path, caplog):
    architecture = "LongformerForTokenClassification"
    tensors = tensors_of(architecture)
    folder = write_checkpoint(tmp_path, tensors, architecture)
    model = from_huggingface(folder, **given)
    kernel = values_of(model.output_dense.kernel)
    np.testing.assert_array_equal(kernel, tensors["classifier.weight"].T)
    assert model.class_names == given.get("class_names", list(LABELS.values()))
    assert not caplog.records


def test_names_of_another_number_are_a_new_head(tmp_path, caplog):
    architecture = "LongformerForTokenClassification"
    folder = write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    model = from_huggingface(folder, class_names=["bad", "fine"])
    assert (model.num_classes, model.class_names) == (2, ["bad", "fine"])
    assert "the head of LongformerTokenClassifier is new" in caplog.text


def test_names_in_another_order_than_a_kept_heads_are_refused(tmp_path):
    architecture = "LongformerForTokenClassification"
    folder = write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    with pytest.raises(ValueError, match="in the order of the checkpoint"):
        from_huggingface(folder, class_names=["good", "dull", "fair"])


def test_classes_are_refused_where_a_task_has_none(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM)
    for given in ({"num_classes": 2}, {"class_names": ["a", "b"]}):
        with pytest.raises(ValueError, match='`task="text_classifier"`'):
            from_huggingface(folder, **given)
