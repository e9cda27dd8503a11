"""Saving and loading: exact, checked, and whole or not at all."""

import os
import zipfile

import keras
import keras_hub
import numpy as np
import pytest

import longkeras
import longkeras.models
from longkeras import CheckpointError, load_model, save_model


@pytest.fixture(scope="module")
def model():
    from longkeras import models

    return models.RecurrentCausalLM(
        models.RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8),
        models.RecurrentCausalLMPreprocessor(
            models.ByteTokenizer(), sequence_length=16
        ),
    )


def assert_same_model(one, other):
    assert type(one) is type(other)
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(left), keras.ops.convert_to_numpy(right)
        )


@pytest.fixture(params=["model.keras", "preset"])
def path(request, tmp_path):
    return tmp_path / "new" / request.param


def test_a_model_comes_back_exactly(model, path):
    assert save_model(model, path) == path
    assert_same_model(load_model(path), model)


def test_saving_replaces_what_was_there_and_leaves_nothing_else(model, path):
    save_model(model, path)
    save_model(model, path)
    assert os.listdir(path.parent) == [path.name]
    assert_same_model(load_model(str(path)), model)


def test_a_backbone_comes_back_from_a_folder(model, tmp_path):
    save_model(model.backbone, tmp_path / "preset")
    assert_same_model(load_model(tmp_path / "preset"), model.backbone)


def test_a_backbone_saved_over_a_task_is_no_task(model, tmp_path):
    save_model(model, tmp_path / "preset")
    save_model(model.backbone, tmp_path / "preset")
    assert type(load_model(tmp_path / "preset")) is type(model.backbone)


def test_notes_beside_a_preset_are_kept(model, tmp_path):
    save_model(model, tmp_path / "preset")
    (tmp_path / "preset" / "recipe.json").write_text("{}")
    (tmp_path / "preset" / "logs").mkdir()
    (tmp_path / "preset" / "logs" / "bits.csv").write_text("1.9")
    save_model(model, tmp_path / "preset")
    assert (tmp_path / "preset" / "recipe.json").read_text() == "{}"
    assert (tmp_path / "preset" / "logs" / "bits.csv").read_text() == "1.9"


def test_a_save_that_fails_leaves_the_old_model(model, path, monkeypatch):
    save_model(model, path)

    def fail(*arguments, **keywords):
        raise OSError("no space left on device")

    monkeypatch.setattr(type(model), "save", fail)
    monkeypatch.setattr(type(model), "save_to_preset", fail)
    with pytest.raises(OSError, match="no space"):
        save_model(model, path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == [path.name]
    assert_same_model(load_model(path), model)


def test_a_folder_with_other_things_in_it_is_not_replaced(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="hold a preset to replace"):
        save_model(model, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("name", ["weights.h5", "model.keras.bak"])
def test_an_unknown_ending_is_named(model, tmp_path, name):
    with pytest.raises(CheckpointError, match=name):
        save_model(model, tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_plain_keras_model_cannot_be_saved_as_a_folder(tmp_path):
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(CheckpointError, match=r"ends in `\.keras`"):
        save_model(plain, tmp_path / "preset")
    save_model(plain, tmp_path / "plain.keras")
    assert_same_model(load_model(tmp_path / "plain.keras"), plain)


def test_a_file_where_the_folder_should_be_is_named(model, tmp_path):
    (tmp_path / "preset").write_text("")
    with pytest.raises(CheckpointError, match="is a file"):
        save_model(model, tmp_path / "preset")


def test_nothing_there_is_a_checkpoint_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"missing\.keras"):
        load_model(tmp_path / "missing.keras")
    assert issubclass(longkeras.CheckpointError, ValueError)


def test_a_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "text.keras").write_text("Call me Ishmael.")
    with pytest.raises(CheckpointError, match=r"text\.keras"):
        load_model(tmp_path / "text.keras")


def test_a_file_cut_short_is_named(model, tmp_path):
    whole = save_model(model, tmp_path / "whole.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"cut short.*half\.keras"):
        load_model(tmp_path / "half.keras")


def test_a_flipped_byte_is_named(model, tmp_path):
    path = save_model(model, tmp_path / "model.keras")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        weights = archive.getinfo("model.weights.h5")
    content[weights.header_offset + weights.compress_size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5 is wrong"):
        load_model(path)


def test_an_archive_of_something_else_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(CheckpointError, match=r"holds no metadata\.json"):
        load_model(tmp_path / "other.keras")


def test_an_unknown_class_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        config = '{"module": "elsewhere", "class_name": "Elsewhere", "config": {}}'
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", "")
    with pytest.raises(CheckpointError, match="Elsewhere"):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize(
    "config",
    ["", "[]", "{}", '{"class_name": "Elsewhere"}', '{"model_type": "longformer"}'],
)
def test_a_folder_that_holds_no_preset_is_named(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=tmp_path.name):
        load_model(tmp_path)


def test_a_checkpoint_of_hugging_face_and_a_missing_folder_are_told_apart(tmp_path):
    folder = tmp_path / "roberta"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "roberta"}')

    with pytest.raises(CheckpointError, match="from_huggingface"):
        load_model(folder)
    with pytest.raises(CheckpointError, match="there is no such folder"):
        longkeras.models.RecurrentCausalLM.from_preset(str(tmp_path / "nowhere"))


def test_a_preset_without_its_weights_is_named(model, tmp_path):
    path = save_model(model, tmp_path / "preset")
    (path / "model.weights.h5").unlink()
    with pytest.raises(CheckpointError, match="preset"):
        load_model(path)


def test_a_compiled_model_goes_on_where_it_was(model, tmp_path):
    model.compile(
        optimizer=keras.optimizers.AdamW(3e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        sampler=keras_hub.samplers.TopKSampler(k=7),
        jit_compile=keras.backend.backend() == "jax",
    )
    model.fit(["Call me Ishmael."] * 2, batch_size=1, verbose=0)
    loaded = load_model(save_model(model, tmp_path / "model.keras"))
    assert loaded.sampler.k == 7
    assert_same_model(loaded, model)
    assert int(loaded.optimizer.iterations) == 2
    for left, right in zip(
        loaded.optimizer.variables, model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


def test_an_optimizer_that_is_not_wanted_is_left_out(tmp_path):
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    plain.compile("sgd", "mse")
    path = save_model(plain, tmp_path / "plain.keras")
    assert load_model(path).compiled
    assert not load_model(path, compile=False).compiled
