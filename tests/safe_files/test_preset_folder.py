"""Preset folders that are damaged, hostile, or somebody else's."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest

import longkeras
from longkeras import CheckpointError, load_model, save_model
from longkeras.safe_files import check_preset_folder
from longkeras.safe_files.preset_folder import checked_once

OBJECTS = ["config.json", "preprocessor.json", "task.json", "tokenizer.json"]


def change_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_good_folder_passes_and_loads(folder, good_model):
    check_preset_folder(folder)
    loaded = load_model(folder)
    for one, other in zip(loaded.weights, good_model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_folder_is_read_once_to_be_loaded(folder, monkeypatch):
    from longkeras.safe_files import preset_folder

    checked = []
    check = preset_folder._check
    monkeypatch.setattr(
        preset_folder, "_check", lambda path: checked.append(path) or check(path)
    )
    with checked_once(folder) as arrays:
        assert arrays
        assert check_preset_folder(folder) == []
    assert checked == [folder]
    check_preset_folder(folder)
    load_model(folder)
    assert checked == [folder] * 3


@pytest.mark.parametrize("name", OBJECTS)
def test_a_class_from_elsewhere_is_refused_in_every_file(folder, name):
    hostile = {"module": "os", "class_name": "system", "config": {"command": "id"}}
    change_json(folder / name, lambda value: value["config"].update(name=hostile))
    with pytest.raises(CheckpointError, match=rf"{name} names.*system.*preset"):
        load_model(folder)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 5000])
def test_a_damaged_file_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{name}.*preset"):
        load_model(folder)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_file_cut_anywhere_is_named(folder, name):
    whole = (folder / name).read_bytes()
    for length in range(0, len(whole), 1 + len(whole) // 40):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=rf"{name}.*preset"):
            check_preset_folder(folder)


def test_weights_cut_anywhere_are_named(folder):
    weights = folder / "model.weights.h5"
    whole = weights.read_bytes()
    for length in [*range(0, len(whole), 1 + len(whole) // 40), len(whole) - 1]:
        weights.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"model\.weights\.h5.*preset"):
            check_preset_folder(folder)
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5.*preset"):
        load_model(folder)


def test_every_flipped_byte_of_the_weights_is_found(folder):
    weights = folder / "model.weights.h5"
    whole = weights.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), size=100):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place) % 8
        weights.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.weights\.h5.*preset"):
            check_preset_folder(folder)


def test_other_weights_of_the_same_shapes_are_found(folder):
    with h5py.File(folder / "model.weights.h5", "r+") as content:
        array = content["layers/reversible_embedding/vars/0"]
        array[0, 0] += 1
    with pytest.raises(CheckpointError, match="checksum"):
        load_model(folder)


def test_weights_that_keras_hub_wrote_over_the_preset_load(folder):
    # KerasHub writes metadata.json anew, so that the checksums are gone.
    import keras_hub

    other = longkeras.models.RecurrentBackbone(259, num_layers=1, hidden_dim=8)
    keras_hub.models.Backbone.save_to_preset(other, str(folder))
    assert "weights_crc32" not in (folder / "metadata.json").read_text()
    load_model(folder)


def test_a_folder_without_checksums_loads(folder):
    (folder / "metadata.json").unlink()
    load_model(folder)


@pytest.mark.parametrize("name", ["model.weights.h5", "config.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{name}.*preset"):
        load_model(folder)


def test_a_hole_in_the_assets_is_refused(folder):
    os.mkfifo(folder / "assets" / "tokenizer" / "vocabulary.json")
    with pytest.raises(CheckpointError, match=r"vocabulary\.json.*no ordinary file"):
        load_model(folder)


def test_a_link_to_an_ordinary_file_is_one(folder, tmp_path):
    # As in the cache of the Hugging Face hub.
    shutil.move(folder / "model.weights.h5", tmp_path / "blob")
    os.symlink(tmp_path / "blob", folder / "model.weights.h5")
    load_model(folder)


@pytest.mark.parametrize(
    "name", ["../outside.h5", "/etc/passwd", "model_0.weights.h5/../x", 3, None]
)
def test_a_shard_elsewhere_is_refused(folder, name):
    (folder / "metadata.json").unlink()
    shards = {"metadata": {}, "weight_map": {"/vars": [name]}}
    (folder / "model.weights.json").write_text(json.dumps(shards))
    with pytest.raises(CheckpointError, match=r"model\.weights\.json names"):
        check_preset_folder(folder)


def test_a_shard_that_is_missing_is_named(folder):
    shards = {"metadata": {}, "weight_map": {"/vars": "model_00007.weights.h5"}}
    (folder / "model.weights.json").write_text(json.dumps(shards))
    with pytest.raises(CheckpointError, match=r"model_00007\.weights\.h5 is missing"):
        check_preset_folder(folder)


def test_shards_pass_and_load(good_model, tmp_path):
    good_model.save_to_preset(tmp_path / "preset", max_shard_size=9e-6)
    assert len(list((tmp_path / "preset").glob("model_*.weights.h5"))) > 1
    check_preset_folder(tmp_path / "preset")
    load_model(tmp_path / "preset")


def test_what_is_not_the_presets_is_not_looked_at(folder):
    (folder / "notes.json").write_text('{"class_name": "Elsewhere", "config": {}}')
    check_preset_folder(folder)


def test_a_hugging_face_folder_is_only_asked_for_its_configuration(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "longformer"}')
    (tmp_path / "tokenizer.json").write_text('{"class_name": "Elsewhere"}')
    check_preset_folder(tmp_path)


def test_a_head_without_its_weights_is_named(tmp_path):
    import keras_hub

    backbone = keras_hub.models.RobertaBackbone(8, 1, 2, 8, 16, max_sequence_length=8)
    save_model(keras_hub.models.RobertaTextClassifier(backbone, 2), tmp_path / "preset")
    load_model(tmp_path / "preset")
    (tmp_path / "preset" / "task.weights.h5").unlink()
    with pytest.raises(CheckpointError, match=r"task\.weights\.h5.*preset"):
        load_model(tmp_path / "preset")
    (tmp_path / "preset" / "metadata.json").unlink()
    with pytest.raises(CheckpointError, match=r"task\.weights\.h5.*preset"):
        load_model(tmp_path / "preset")
