"""A model's own saving methods leave the old file or the new one, never less."""

import builtins
import io
import os
import zipfile

import h5py
import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

from longkeras.models import (
    ByteTokenizer,
    CausalTransformerBackbone,
    LongformerTextClassifierPreprocessor,
    TransformerCausalLMPreprocessor,
)
from longkeras.text import SubwordTokenizer
from tests.models.small_models import small_model

FORMS = {
    "model.keras": lambda model, path: model.save(path),
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "unzipped": lambda model, path: model.save(path, zipped=False),
    "preset": lambda model, path: model.save_to_preset(path),
    "backbone": lambda model, path: model.backbone.save_to_preset(path),
}


def content_of(path):
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


# Saving does not know models apart; the contract tests save one of every class.
@pytest.fixture(scope="module")
def model():
    return small_model("lstm", sequence_length=19)


class FullDisk:
    """Lets the first writes through, and then has no space left."""

    def __init__(self, monkeypatch, writes):
        self.left = writes
        self.patch(monkeypatch, zipfile.ZipFile, "writestr")
        self.patch(monkeypatch, h5py.Group, "__setitem__")
        self.patch(monkeypatch, builtins, "open", only_for_writing=True)

    def patch(self, monkeypatch, place, name, only_for_writing=False):
        original = getattr(place, name)

        def write(*arguments, **keywords):
            if not only_for_writing or "w" in str([arguments[1:], keywords]):
                self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")
            return original(*arguments, **keywords)

        monkeypatch.setattr(place, name, write)


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_leaves_the_old_model(model, tmp_path, form, monkeypatch):
    path = tmp_path / form
    FORMS[form](model, path)
    before = content_of(path)
    for writes in (0, 1, 3, 6):
        FullDisk(monkeypatch, writes)
        with pytest.raises(OSError, match="No space left"):
            for _ in range(10):
                FORMS[form](model, path)
        monkeypatch.undo()
        assert content_of(path).keys() == before.keys()
        assert os.listdir(tmp_path) == [form]
    if form.endswith(".weights.h5"):
        model.load_weights(path)
    elif form == "unzipped" or form.endswith(".keras"):
        keras.saving.load_model(path)
    else:
        keras_hub.models.Backbone.from_preset(str(path))


def adapted_backbone(rank):
    backbone = CausalTransformerBackbone(259, 1, 2, 8, 12, attention_window=4)
    backbone.enable_lora(rank, ["query"])
    return backbone


def subwords(last):
    return SubwordTokenizer.from_word_piece(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", last]
    )


# What else is saved: the old one, the new one, and how.
PARTS = {
    "factors.lora.h5": (
        lambda: (adapted_backbone(2), adapted_backbone(3)),
        lambda part, path: part.save_lora_weights(path),
    ),
    "tokenizer": (
        lambda: (subwords("old"), subwords("new")),
        lambda part, path: part.save_to_preset(path),
    ),
    "preprocessor": (
        lambda: [
            TransformerCausalLMPreprocessor(ByteTokenizer(), sequence_length=length)
            for length in (8, 9)
        ],
        lambda part, path: part.save_to_preset(path),
    ),
    "preprocessor of subwords": (
        lambda: [
            LongformerTextClassifierPreprocessor(subwords(name), sequence_length=8)
            for name in ("old", "new")
        ],
        lambda part, path: part.save_to_preset(path),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_full_disk_leaves_the_old_part(tmp_path, name, monkeypatch):
    make, save = PARTS[name]
    path = tmp_path / name
    old, new = make()
    save(old, path)
    before = content_of(path)
    for writes in (0, 1):
        FullDisk(monkeypatch, writes)
        with pytest.raises(OSError, match="No space left"):
            save(new, path)
        monkeypatch.undo()
        assert content_of(path) == before
        assert os.listdir(tmp_path) == [name]
    save(new, path)
    assert content_of(path) != before


@pytest.mark.parametrize("form", FORMS)
def test_saving_again_leaves_one_file(model, tmp_path, form):
    for _ in range(2):
        FORMS[form](model, tmp_path / form)
    assert os.listdir(tmp_path) == [form]


def test_a_checkpoint_of_keras_is_replaced_in_one_step(tmp_path, monkeypatch):
    model = small_model("lstm", sequence_length=19)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=keras.backend.backend() == "jax")
    path = tmp_path / "best.keras"
    places = []
    replace = os.replace
    monkeypatch.setattr(
        os, "replace", lambda one, other: places.append(other) or replace(one, other)
    )
    callback = keras.callbacks.ModelCheckpoint(path)
    model.fit(["It was", "the best"], batch_size=1, callbacks=[callback], verbose=0)
    assert places == [path]
    assert type(keras.saving.load_model(path)) is type(model)


def test_an_open_file_and_a_wrong_ending_are_left_to_keras(model, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        model.save(tmp_path / "model.unknown")
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "model.h5")
    assert not os.listdir(tmp_path)
    with pytest.raises(ValueError, match="filepath"):
        model.save(io.BytesIO())


def test_without_overwriting_keras_asks(model, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model.save(path, overwrite=False)
    path.write_text("mine")
    monkeypatch.setattr(builtins, "input", lambda *arguments: "n")
    model.save(path, overwrite=False)
    assert path.read_text() == "mine"


def test_parts_of_a_preset_may_be_saved_one_after_another(tmp_path):
    model = small_model("windowed", sequence_length=19)
    folder = tmp_path / "preset"
    model.preprocessor.save_to_preset(str(folder))
    (folder / "notes.md").write_text("mine")
    model.backbone.save_to_preset(folder)
    loaded = type(model).from_preset(str(folder))
    assert loaded.preprocessor.sequence_length == 19
    assert (folder / "notes.md").read_text() == "mine"


def test_old_shards_go_when_the_weights_are_one_file(tmp_path):
    backbone = CausalTransformerBackbone(259, 2, 2, 16, 32, attention_window=4)
    folder = tmp_path / "preset"
    backbone.save_to_preset(folder, max_shard_size=2e-5)
    assert list(folder.glob("model_*.weights.h5"))
    backbone.trainable_variables[0].assign_add(
        np.ones(backbone.trainable_variables[0].shape)
    )
    backbone.save_to_preset(folder)
    assert not list(folder.glob("model_*.weights.h5"))
    loaded = CausalTransformerBackbone.from_preset(str(folder))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded.trainable_variables[0]),
        ops.convert_to_numpy(backbone.trainable_variables[0]),
    )
    backbone.save_to_preset(folder, max_shard_size=2e-5)
    assert not (folder / "model.weights.h5").exists()
    CausalTransformerBackbone.from_preset(str(folder))
