"""Weights that point elsewhere, are made of nothing, or do not fit."""

import warnings

import h5py
import keras
import numpy as np
import pytest

from longkeras import CheckpointError, load_model
from longkeras.safe_files import check_keras_file
from longkeras.safe_files.weights import check_weights, saved_bytes
from tests.models.small_models import small_model
from tests.safe_files.saved_files import (
    plain_model,
    with_configuration,
    with_weights,
)


@pytest.fixture
def weights(tmp_path):
    """A file as Keras writes it, to add to."""
    with h5py.File(tmp_path / "model.weights.h5", "w") as content:
        content["layers/dense/vars/0"] = np.ones((3, 4), "float32")
        content["layers/dense/vars/0"].attrs["name"] = "kernel"
        yield content


def check(content):
    content.flush()
    path = content.filename
    content.close()
    with open(path, "rb") as file:
        check_weights(file, "model.weights.h5")


@pytest.mark.parametrize(
    "value",
    [
        np.float16(1.5),
        np.arange(3, dtype="int8"),
        np.array(True),
        np.zeros((0, 4), "float32"),
        np.zeros(3, "V2"),
        np.zeros(3, "complex64"),
        np.zeros(3, ">f4"),
    ],
    ids=lambda value: str(value.dtype),
)
def test_arrays_of_numbers_pass(weights, value):
    weights["layers/dense/vars/1"] = value
    check(weights)


HOSTILE = {
    "a soft link": lambda file: file.update({"x": h5py.SoftLink("/layers")}),
    "an external link": lambda file: file.update(
        {"x": h5py.ExternalLink("/etc/passwd", "/")}
    ),
    "a second name": lambda file: file.update({"x": file["layers/dense"]}),
    "a circle": lambda file: file["layers/dense"].update({"x": file["layers"]}),
    "a named type": lambda file: file.update({"x": np.dtype("float32")}),
    "texts": lambda file: file.update({"x": "words"}),
    "texts of one size": lambda file: file.update({"x": np.array([b"words"])}),
    "objects": lambda file: file.create_dataset(
        "x", (2,), dtype=h5py.vlen_dtype(np.int32)
    ),
    "references": lambda file: file.create_dataset("x", (2,), dtype=h5py.ref_dtype),
    "records": lambda file: file.update({"x": np.zeros(2, [("a", "i1")])}),
    "no space": lambda file: file.update({"x": h5py.Empty("f4")}),
    "nothing stored": lambda file: file.create_dataset("x", (2**40,), "float32"),
    "almost nothing stored": lambda file: file.create_dataset(
        "x", (2**40,), "float32", chunks=(1024,)
    ),
    "compressed": lambda file: file.create_dataset(
        "x", data=np.zeros(10**6), compression="gzip"
    ),
    "checked": lambda file: file.create_dataset(
        "x", data=np.zeros(100), fletcher32=True
    ),
    "another file's bytes": lambda file: file.create_dataset(
        "x", (4,), "int8", external=[("/etc/passwd", 0, 4)]
    ),
    "a virtual array": lambda file: file.create_virtual_dataset("x", virtual_layout()),
}


def virtual_layout():
    layout = h5py.VirtualLayout((4,), "int8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    return layout


@pytest.mark.parametrize("what", HOSTILE)
def test_what_keras_does_not_write_is_refused_and_named(weights, what):
    HOSTILE[what](weights)
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5: /\w+"):
        check(weights)


def test_a_link_in_a_saved_model_is_not_followed(good_file, tmp_path):
    def change(content):
        del content["layers/dense/vars/0"]
        content["layers/dense/vars/0"] = h5py.ExternalLink("other.h5", "/secret")

    path = with_weights(good_file, tmp_path / "bad.keras", change)
    with pytest.raises(CheckpointError, match=r"dense/vars/0.*ExternalLink.*bad"):
        load_model(path)


def test_weights_cut_anywhere_are_named(good_folder, tmp_path):
    whole = (good_folder / "model.weights.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.h5"):
            check_weights(path, "cut.h5")


def test_flipped_bytes_of_the_structure_never_end_in_another_error(
    good_folder, tmp_path
):
    whole = (good_folder / "model.weights.h5").read_bytes()
    path = tmp_path / "flipped.h5"
    for place in np.random.default_rng(0).integers(0, len(whole), size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place) % 8
        path.write_bytes(damaged)
        try:
            check_weights(path, "flipped.h5")
        except CheckpointError as error:
            assert "flipped.h5" in str(error)


def test_the_space_a_model_takes_is_known_before(tmp_path):
    for dtype, most in (("float32", 1.5e6), ("bfloat16", 1.5e6)):
        model = keras.Sequential(
            [keras.Input((300,)), keras.layers.Dense(300, dtype=dtype)]
        )
        model.save(tmp_path / "model.keras")
        taken = (tmp_path / "model.keras").stat().st_size
        assert taken < saved_bytes(model) < most
    compiled = plain_model()
    assert saved_bytes(compiled) > 26 * 4 * 3


@pytest.mark.parametrize("wrong", [np.ones((4, 3)), np.ones(12), np.ones((3, 5))])
def test_a_wrong_shape_is_named(good_file, tmp_path, wrong):
    def change(content):
        del content["layers/dense/vars/0"]
        content["layers/dense/vars/0"] = wrong.astype("float32")

    path = with_weights(good_file, tmp_path / "bad.keras", change)
    with pytest.raises(CheckpointError, match=r"(?s)bad\.keras.*dense.*shape"):
        load_model(path)


@pytest.mark.parametrize("gone", ["layers/dense/vars/1", "layers/dense_1", "layers"])
def test_missing_weights_are_named(good_file, tmp_path, gone):
    path = with_weights(
        good_file, tmp_path / "bad.keras", lambda content: content.pop(gone)
    )
    with pytest.raises(CheckpointError, match=r"(?s)bad\.keras.*dense"):
        load_model(path)


def test_weights_that_the_model_has_no_place_for_are_named(good_file, tmp_path):
    # Keras would load the layers that it knows, and leave out the others.
    path = with_configuration(
        good_file,
        tmp_path / "bad.keras",
        lambda config: config["config"]["layers"].pop(),
    )
    with pytest.raises(CheckpointError, match=r"another model: 4 arrays.*bad\.keras"):
        load_model(path, compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(CheckpointError, match=r"(?s)bad\.keras.*optimizer 'adam"):
            load_model(path)


def test_an_optimizer_that_has_not_taken_a_step_is_no_misfit(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="Skipping"):
        loaded = load_model(tmp_path / "model.keras")
    assert loaded.compiled


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_a_preset_of_fewer_layers_than_its_weights_is_named(tmp_path):
    folder = tmp_path / "preset"
    small_model("lstm").save_to_preset(folder)
    for name in ("config.json", "task.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace('"num_layers": 2', '"num_layers": 1'))
    with pytest.raises(CheckpointError, match=r"could not be loaded.*preset"):
        load_model(folder)


def test_the_paths_of_the_arrays_are_told(good_file):
    assert {"/layers/dense/vars/0", "/layers/dense/vars/1"} < set(
        check_keras_file(good_file)
    )
