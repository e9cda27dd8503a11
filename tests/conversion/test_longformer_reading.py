"""Longformer checkpoints of all kinds, whole and faulty."""

import json
import logging

import keras
import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion import from_huggingface
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTokenClassifier,
)
from tests.conversion.small_checkpoint import (
    CLASSES,
    HEADS,
    LABELS,
    P,
    V,
    tensors_of,
    write_checkpoint,
)

CLASS_OF = {
    "LongformerModel": LongformerBackbone,
    "LongformerForMaskedLM": LongformerMaskedLM,
    "LongformerForSequenceClassification": LongformerTextClassifier,
    "LongformerForQuestionAnswering": LongformerQuestionAnswerer,
    "LongformerForTokenClassification": LongformerTokenClassifier,
}
MLM = "LongformerForMaskedLM"
LAYER = "encoder.layer.1.attention"


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def faulty(folder, **arguments):
    with pytest.raises(CheckpointError) as caught:
        from_huggingface(folder, **arguments)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def read(folder, tensors, architecture="LongformerModel", task=None, **changes):
    return from_huggingface(
        write_checkpoint(folder, tensors, architecture, **changes), task
    )


@pytest.mark.parametrize("architecture", HEADS)
def test_every_tensor_has_its_place(architecture, tmp_path):
    tensors = tensors_of(architecture)
    model = read(tmp_path, tensors, architecture)
    assert type(model) is CLASS_OF[architecture]
    # Random numbers: where all sums are found again, each tensor is somewhere.
    found = sorted(float(np.abs(numpy(weight)).sum()) for weight in model.weights)
    expected = sorted(float(np.abs(array).sum()) for array in tensors.values())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_tensors_are_where_their_names_say(tmp_path):
    tensors = tensors_of()
    backbone = read(tmp_path, tensors)
    layer = backbone.transformer_layers[1]
    pairs = {
        "embeddings.word_embeddings.weight": backbone.token_embedding.embeddings,
        f"{LAYER}.self.query.bias": layer.attention.query_dense.bias,
        f"{LAYER}.self.value_global.bias": layer.attention.global_value_dense.bias,
        f"{LAYER}.output.LayerNorm.weight": layer.attention_norm.gamma,
        "encoder.layer.1.output.LayerNorm.bias": layer.output_norm.beta,
        "encoder.layer.1.output.dense.bias": layer.output_dense.bias,
    }
    for name, weight in pairs.items():
        np.testing.assert_array_equal(numpy(weight), tensors[name])
    kernel = numpy(layer.attention.global_key_dense.kernel)
    np.testing.assert_array_equal(kernel, tensors[f"{LAYER}.self.key_global.weight"].T)


def test_the_configuration_becomes_arguments(tmp_path):
    backbone = read(tmp_path, tensors_of(pooler=True))
    config = backbone.get_config()
    expected = {
        "vocabulary_size": V,
        "attention_window": [4, 6],
        "attention_dilation": 1,
        "max_sequence_length": P - 2,
        "num_segments": 2,
        "padding_id": 1,
        "dropout": 0.2,
        "attention_dropout": 0.05,
        "layer_norm_epsilon": 1e-5,
        "use_pooler": True,
        "tie_embedding_weights": True,
    }
    assert {name: config[name] for name in expected} == expected


def test_an_override_wins_over_the_configuration(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of())
    given = {"attention_window": 8, "dropout": 0.0, "dtype": "bfloat16"}
    backbone = from_huggingface(folder, **given)
    assert backbone.attention_window == 8
    assert backbone.dropout == 0.0
    assert backbone.token_embedding.embeddings.dtype == "bfloat16"


def test_a_dropout_given_is_that_of_backbone_and_head(tmp_path):
    architecture = "LongformerForTokenClassification"
    folder = write_checkpoint(tmp_path, tensors_of(architecture), architecture)
    model = from_huggingface(folder, dropout=0.0)
    assert (model.dropout, model.backbone.dropout) == (0.0, 0.0)


def test_without_weights_the_configuration_is_enough(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of())
    (folder / "model.safetensors").unlink()
    assert from_huggingface(folder, load_weights=False).vocabulary_size == V


@pytest.mark.parametrize("prefix", ["longformer.", "roberta.", ""])
def test_any_prefix_is_read(prefix, tmp_path):
    model = read(tmp_path, tensors_of(MLM, prefix), MLM)
    assert isinstance(model, LongformerMaskedLM)


def test_a_tensor_with_and_without_a_prefix_is_refused(tmp_path):
    tensors = tensors_of(MLM)
    name = "embeddings.word_embeddings.weight"
    tensors[name] = tensors[f"longformer.{name}"]
    assert name in faulty(write_checkpoint(tmp_path, tensors, MLM))


def test_missing_and_unknown_tensors_are_all_named(tmp_path):
    tensors = tensors_of()
    missing = [f"{LAYER}.self.query_global.weight", "embeddings.LayerNorm.bias"]
    for name in missing:
        del tensors[name]
    tensors["encoder.layer.1.output.dense.scale"] = np.zeros(8, "float32")
    tensors["adapter.down"] = np.zeros(8, "float32")
    message = faulty(write_checkpoint(tmp_path, tensors))
    for name in (*missing, "encoder.layer.1.output.dense.scale", "adapter.down"):
        assert name in message


def test_another_number_of_layers_is_told(tmp_path):
    folder = write_checkpoint(
        tmp_path, tensors_of(), num_hidden_layers=3, attention_window=4
    )
    assert "2 layers, and config.json says 3" in faulty(folder)


@pytest.mark.parametrize(
    "name", ["embeddings.word_embeddings.weight", f"{LAYER}.self.key.weight"]
)
def test_a_wrong_shape_is_told_beside_the_right_one(name, tmp_path):
    tensors = tensors_of()
    shape = tensors[name].shape
    tensors[name] = np.zeros((shape[0] + 1, shape[1]), "float32")
    message = faulty(write_checkpoint(tmp_path, tensors))
    assert name in message
    assert str(shape) in message
    assert str(tensors[name].shape) in message


def test_a_weight_of_whole_numbers_is_refused(tmp_path):
    tensors = tensors_of()
    name = f"{LAYER}.self.key.bias"
    tensors[name] = np.zeros(8, "int64")
    assert name in faulty(write_checkpoint(tmp_path, tensors))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_precisions_become_float32(dtype, tmp_path):
    tensors = {name: x.astype(dtype) for name, x in tensors_of().items()}
    backbone = read(tmp_path, tensors)
    found = numpy(backbone.token_embedding.embeddings)
    assert found.dtype == "float32"
    expected = tensors["embeddings.word_embeddings.weight"].astype("float32")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(P,), (1, P)])
def test_position_ids_are_left_out_if_they_say_nothing(shape, tmp_path):
    tensors = tensors_of()
    tensors["embeddings.position_ids"] = np.arange(P).reshape(shape)
    read(tmp_path / "plain", tensors)
    tensors["embeddings.position_ids"] = np.arange(P).reshape(shape) + 1
    message = faulty(write_checkpoint(tmp_path / "other", tensors))
    assert "embeddings.position_ids" in message


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
    np.testing.assert_array_equal(numpy(embedding.reverse_embeddings), words.T + 1)
    bias = [x for x in model.masked_lm_head.weights if x.path.endswith("output_bias")]
    np.testing.assert_array_equal(numpy(bias[0]), tensors["lm_head.bias"] + 1)
    # A task without that output does not need it.
    backbone = from_huggingface(tmp_path, "backbone")
    assert backbone.tie_embedding_weights


def test_an_untied_output_must_be_there(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM, tie_word_embeddings=False)
    assert "lm_head.decoder.weight" in faulty(folder)


def test_a_roberta_with_windows_is_a_longformer(tmp_path):
    model = read(
        tmp_path,
        tensors_of(MLM, "roberta."),
        "RobertaForMaskedLM",
        model_type="roberta",
        attention_window=[4, 4],
    )
    assert isinstance(model, LongformerMaskedLM)
    assert model.backbone.attention_window == [4, 4]


def test_a_plain_roberta_asked_for_as_a_longformer_shows_the_way(tmp_path):
    tensors = {
        name: x
        for name, x in tensors_of(MLM, "roberta.").items()
        if "global" not in name
    }
    changes = {"model_type": "roberta", "attention_window": None}
    folder = write_checkpoint(tmp_path, tensors, "RobertaForMaskedLM", **changes)
    assert "convert_to_long" in faulty(folder, task=LongformerMaskedLM)


def test_windows_of_one_side_are_doubled(tmp_path):
    backbone = read(
        tmp_path,
        tensors_of(),
        attention_mode="sliding_chunks",
        attention_window=[2, 3],
        attention_dilation=[1, 2],
        autoregressive=False,
    )
    assert backbone.attention_window == [4, 6]
    assert backbone.attention_dilation == [1, 2]


def test_the_mode_that_hugging_face_writes_doubles_nothing(tmp_path):
    backbone = read(tmp_path, tensors_of(), attention_mode="longformer")
    assert backbone.attention_window == [4, 6]


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_mode": "n2"},
        {"attention_mode": "sliding_chunks_no_overlap"},
        {"attention_mode": "tvm", "autoregressive": True},
        {"attention_mode": "tvm", "attention_window": "wide"},
    ],
)
def test_patterns_that_are_no_two_sided_window_are_refused(changes, tmp_path):
    faulty(write_checkpoint(tmp_path, tensors_of(), **changes))


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
    with pytest.raises(ValueError, match="`num_classes` must be given"):
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
    "architecture", ["LongformerForMultipleChoice", "LongformerForNothing"]
)
def test_an_architecture_without_a_class_here_is_named(architecture, tmp_path):
    assert architecture in faulty(
        write_checkpoint(tmp_path, tensors_of(), architecture)
    )


def test_an_unknown_task_is_refused(tmp_path):
    assert "summarizer" in faulty(
        write_checkpoint(tmp_path, tensors_of()), task="summarizer"
    )


CHANGES = {
    "hidden_size": None,
    "vocab_size": "many",
    "num_hidden_layers": True,
    "num_attention_heads": 3,
    "max_position_embeddings": 1,
    "pad_token_id": -1,
    "layer_norm_eps": "small",
    "hidden_dropout_prob": [0.1],
    "hidden_act": "prelu",
    "attention_window": 5,
    "model_type": "gpt2",
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_impossible_configuration_is_refused(name, tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(), **{name: CHANGES[name]})
    assert "config.json" in faulty(folder)


@pytest.mark.parametrize(
    "name", ["hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers"]
)
def test_an_enormous_configuration_makes_no_model(name, tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(), **{name: 2**40})
    assert str(2**40) in faulty(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff{}", b'{"a": 1, "a": 2}'])
def test_a_damaged_configuration_is_refused(content, tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of())
    (folder / "config.json").write_bytes(content)
    faulty(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "hf://user/name" in faulty(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    faulty(tmp_path / "empty")


def test_a_tokenizer_beside_the_weights_becomes_the_preprocessor(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of(MLM), MLM)
    assert from_huggingface(folder).preprocessor is None
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    model = from_huggingface(folder)
    assert model.preprocessor.tokenizer("abba").tolist() == [7, 6, 5]
    assert model.preprocessor.max_sequence_length == P - 2
    assert from_huggingface(folder, preprocessor=None).preprocessor is None
    (folder / "vocab.json").write_text("{")
    assert "tokenizer" in faulty(folder)
