"""Faulty Longformer checkpoints: each is refused, and the message says why."""

import numpy as np
import pytest

from tests.conversion.small_checkpoint import (
    LAYER,
    MLM,
    faulty,
    tensors_of,
    write_checkpoint,
)


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
    "hidden_act": "perlu",
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
