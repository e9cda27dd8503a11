"""Longformer checkpoints as they are: each tensor and setting finds its place."""

import json

import numpy as np
import pytest

from longkeras.conversion import from_huggingface
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTokenClassifier,
)
from tests.conversion.small_checkpoint import (
    HEADS,
    LAYER,
    MLM,
    P,
    V,
    faulty,
    read,
    tensors_of,
    values_of,
    write_checkpoint,
)

CLASS_OF = {
    "LongformerModel": LongformerBackbone,
    "LongformerForMaskedLM": LongformerMaskedLM,
    "LongformerForSequenceClassification": LongformerTextClassifier,
    "LongformerForQuestionAnswering": LongformerQuestionAnswerer,
    "LongformerForTokenClassification": LongformerTokenClassifier,
}


@pytest.mark.parametrize("architecture", HEADS)
def test_every_tensor_has_its_place(architecture, tmp_path):
    tensors = tensors_of(architecture)
    model = read(tmp_path, tensors, architecture)
    assert type(model) is CLASS_OF[architecture]
    # Random numbers: where all sums are found again, each tensor is somewhere.
    found = sorted(float(np.abs(values_of(weight)).sum()) for weight in model.weights)
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
        np.testing.assert_array_equal(values_of(weight), tensors[name])
    kernel = values_of(layer.attention.global_key_dense.kernel)
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


def test_without_weights_the_configuration_is_enough(tmp_path):
    folder = write_checkpoint(tmp_path, tensors_of())
    (folder / "model.safetensors").unlink()
    assert from_huggingface(folder, load_weights=False).vocabulary_size == V


@pytest.mark.parametrize("prefix", ["longformer.", "roberta.", ""])
def test_any_prefix_is_read(prefix, tmp_path):
    model = read(tmp_path, tensors_of(MLM, prefix), MLM)
    assert isinstance(model, LongformerMaskedLM)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_precisions_become_float32(dtype, tmp_path):
    tensors = {name: x.astype(dtype) for name, x in tensors_of().items()}
    backbone = read(tmp_path, tensors)
    found = values_of(backbone.token_embedding.embeddings)
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
