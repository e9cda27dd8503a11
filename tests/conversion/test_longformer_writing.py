"""What `to_huggingface` writes, and that it comes back."""

import json

import keras
import numpy as np
import pytest
from safetensors import SafetensorError

from longkeras import CheckpointError
from longkeras.conversion import from_huggingface, to_huggingface
from longkeras.conversion.tensor_files import tensor_folder
from longkeras.conversion.tensor_files.tensor_folder import read_tensors
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerTextClassifier,
    LongformerTokenizer,
)
from tests.conversion.small_checkpoint import (
    CONFIG,
    HEADS,
    LABELS,
    tensors_of,
    write_checkpoint,
)

SIZES = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "attention_window": [4, 6],
    "max_sequence_length": 32,
}
MLM = "LongformerForMaskedLM"


@pytest.fixture
def backbone():
    return LongformerBackbone(**SIZES)


def small_tokenizer():
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return LongformerTokenizer.from_byte_pair(vocabulary, ["a b"])


@pytest.mark.parametrize("architecture", HEADS)
def test_what_was_read_is_written_again(architecture, tmp_path):
    tensors = tensors_of(architecture, pooler=True)
    folder = write_checkpoint(tmp_path / "theirs", tensors, architecture)
    model = from_huggingface(folder)
    written = read_tensors(to_huggingface(model, tmp_path / "ours"))
    is_bare = architecture == "LongformerModel"
    kept = {name: x for name, x in tensors.items() if is_bare or "pooler" not in name}
    assert set(written) == set(kept)
    for name, array in kept.items():
        assert written[name].dtype == np.float32
        np.testing.assert_array_equal(written[name].read(), array)
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert config["architectures"] == [architecture]
    expected = {name: x for name, x in CONFIG.items() if name != "sep_token_id"}
    assert {name: config[name] for name in expected} == expected
    if "Classification" in architecture:
        assert config["id2label"] == LABELS
        assert config["label2id"] == {"dull": 0, "fair": 1, "good": 2}
    if "Answering" in architecture:
        assert config["sep_token_id"] == 5


def test_an_untied_output_is_written_with_its_bias(tmp_path):
    tensors = tensors_of(MLM)
    tensors["lm_head.decoder.weight"] = np.full((30, 8), 2.0, "float32")
    model = from_huggingface(write_checkpoint(tmp_path / "theirs", tensors, MLM))
    written = read_tensors(to_huggingface(model, tmp_path / "ours"))
    assert set(written) == {*tensors, "lm_head.decoder.bias"}
    decoder = written["lm_head.decoder.weight"].read()
    np.testing.assert_array_equal(decoder, tensors["lm_head.decoder.weight"])
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False


@pytest.mark.slow
def test_a_dropout_of_the_head_alone_comes_back(backbone, tmp_path):
    model = LongformerTextClassifier(backbone, 2, dropout=0.3)
    again = from_huggingface(to_huggingface(model, tmp_path))
    assert (again.dropout, again.backbone.dropout) == (0.3, 0.1)
    assert again.class_names is None


def test_the_tokenizer_is_written_and_read_again(backbone, tmp_path):
    preprocessor = LongformerMaskedLM.preprocessor_cls(small_tokenizer())
    model = LongformerMaskedLM(backbone, preprocessor)
    again = from_huggingface(to_huggingface(model, tmp_path))
    tokenizer = again.preprocessor.tokenizer
    assert tokenizer("abba").tolist() == [7, 6, 5]
    assert tokenizer.get_config() == {
        **small_tokenizer().get_config(),
        "name": tokenizer.name,
    }
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["bos_token_id"], config["sep_token_id"]) == (0, 2)


def test_several_files_are_written_and_read(backbone, tmp_path):
    folder = to_huggingface(backbone, tmp_path, max_shard_bytes=2000)
    assert len(list(folder.glob("*.safetensors"))) > 3
    again = from_huggingface(folder)
    for one, other in zip(again.get_weights(), backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_old_checkpoint_is_replaced_and_notes_are_kept(backbone, tmp_path):
    to_huggingface(backbone, tmp_path, max_shard_bytes=2000)
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "pytorch_model.bin").write_text("old")
    to_huggingface(backbone, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_an_old_tokenizer_goes_when_another_one_comes(backbone, tmp_path):
    to_huggingface(backbone, tmp_path)
    (tmp_path / "merges.txt").write_text("old")
    to_huggingface(backbone, tmp_path)
    assert (tmp_path / "merges.txt").exists()
    preprocessor = LongformerMaskedLM.preprocessor_cls(small_tokenizer())
    to_huggingface(LongformerMaskedLM(backbone, preprocessor), tmp_path)
    assert not (tmp_path / "merges.txt").exists()


@pytest.mark.parametrize("name", ["notes.txt", "config.json"])
def test_a_folder_of_something_else_is_left_alone(name, backbone, tmp_path):
    (tmp_path / name).write_text("{}")
    with pytest.raises(CheckpointError, match="`folder` must be"):
        to_huggingface(backbone, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_place_of_a_folder_is_refused(backbone, tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(CheckpointError, match="`folder` must be"):
        to_huggingface(backbone, tmp_path / "model")


def test_a_failure_leaves_the_old_checkpoint(backbone, tmp_path, monkeypatch):
    to_huggingface(backbone, tmp_path / "model")
    old = (tmp_path / "model" / "model.safetensors").read_bytes()
    backbone.token_embedding.embeddings.assign(np.ones((30, 8)))

    def full(*arguments):
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(tensor_folder, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        to_huggingface(backbone, tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_a_low_rank_adaptation_is_in_the_weights(backbone, tmp_path):
    dense = backbone.transformer_layers[0].attention.query_dense
    before = keras.ops.convert_to_numpy(dense.kernel)
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.ones((2, 8)))
    tensors = read_tensors(to_huggingface(backbone, tmp_path))
    written = tensors["encoder.layer.0.attention.self.query.weight"].read()
    np.testing.assert_allclose(
        written.T, keras.ops.convert_to_numpy(dense.kernel), rtol=1e-6
    )
    assert not np.allclose(written.T, before)


@pytest.mark.slow
def test_eight_bit_weights_are_refused(backbone, tmp_path):
    backbone.transformer_layers[1].intermediate_dense.quantize("int8")
    with pytest.raises(ValueError, match="quantized"):
        to_huggingface(backbone, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes",
    [{"attention_dilation": [1, 2]}, {"activation": "hard_sigmoid"}],
)
def test_what_hugging_face_has_not_is_refused(changes, tmp_path):
    with pytest.raises(ValueError, match="Hugging Face"):
        to_huggingface(LongformerBackbone(**SIZES, **changes), tmp_path)


def test_another_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`model` must be a Longformer"):
        to_huggingface(keras.Sequential(), tmp_path)


def test_a_classifier_that_pools_by_the_mean_is_refused(backbone, tmp_path):
    model = LongformerTextClassifier(backbone, 2)
    model.pooling = "mean"
    with pytest.raises(ValueError, match="reads the first token") as error:
        to_huggingface(model, tmp_path)
    assert "pooling='mean'" in str(error.value)
    assert not list(tmp_path.iterdir())
