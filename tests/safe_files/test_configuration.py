"""Configurations that would run code, or are no configurations."""

import sys

import keras
import pytest

from longkeras import CheckpointError, load_model
from longkeras.safe_files import check_keras_file
from longkeras.safe_files.configuration import (
    check_classes,
    check_sizes,
    read_configuration,
)
from tests.safe_files.saved_files import (
    read_members,
    with_configuration,
    write_members,
)


def node(name, module="keras.layers", config=None, registered_name=None):
    return {
        "module": module,
        "class_name": name,
        "config": {} if config is None else config,
        "registered_name": registered_name,
    }


def function(name, module="builtins"):
    return node("function", module, config=name, registered_name=name)


HOSTILE = {
    "a lambda": node("__lambda__", config={"value": "4wAAAAA="}),
    "a lambda layer": node("Lambda", config={"function": function("relu")}),
    "a saved model": node("TFSMLayer", config={"filepath": "/tmp/model"}),
    "a pickle": node("TorchModuleWrapper", "keras.layers", {"module": "gASV"}),
    "JAX code": node("JaxLayer"),
    "a type of TensorFlow": node("__typespec__", "os", []),
    "a shell": node("Popen", "subprocess", {"args": "id"}),
    "a function of the system": function("system", "os"),
    "a builtin": function("eval"),
    "a download": function("get_file", "keras.utils"),
    # These Keras 3.15 would hand out, to be called as an activation for example.
    "a data set": function("load_data", "keras.datasets.mnist"),
    "a file of a picture": function("plot_model", "keras.utils"),
    "a setting": function("set_floatx", "keras.config"),
    "a class that downloads": node("get_file", "keras.utils"),
    "a loader": function("load_model", "keras.saving"),
    "a switch": function("enable_unsafe_deserialization", "keras.config"),
    "a module of Keras that is not loaded": node("Anything", "keras.no_such_module"),
    "another package of theirs": node("Anything", "keras_cv.layers"),
    "a class that is no layer": node("Progbar", "keras.utils", {"target": 3}),
    "our own module, unregistered": node("CheckpointError", "longkeras"),
    "a name that is no text": node(["Dense"]),
    "a function that is no text": node("function", "builtins", {"a": 1}),
    "another class's registration": node(
        "Dense", "keras.layers", {}, "longkeras>ByteTokenizer"
    ),
    "a gigabyte in one word": node(
        "__numpy__", config={"value": ["a"], "dtype": "U1000000000"}
    ),
    "another file's words": node("StringLookup", config={"vocabulary": "/etc/passwd"}),
    "another file's merges": node(
        "BytePairTokenizer",
        "keras_hub.tokenizers",
        {"merges": "/etc/passwd"},
        "keras_hub>BytePairTokenizer",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def registered():
    import longkeras.models  # noqa: F401


@pytest.mark.parametrize("what", HOSTILE)
def test_what_would_run_code_is_refused_and_named(what):
    with pytest.raises(CheckpointError, match=r"file\.json names what is not made"):
        check_classes({"config": {"layers": [HOSTILE[what]]}}, "file.json")


PLACES = {
    "a layer": lambda config: config["config"]["layers"],
    "the loss": lambda config: config["compile_config"].setdefault("custom", []),
}


@pytest.mark.parametrize("what", ["a lambda", "a lambda layer", "a shell"])
@pytest.mark.parametrize("where", PLACES)
def test_it_is_refused_wherever_it_stands(good_file, tmp_path, what, where):
    path = with_configuration(
        good_file,
        tmp_path / "bad.keras",
        lambda config: PLACES[where](config).append(HOSTILE[what]),
    )
    with pytest.raises(CheckpointError, match=r"config\.json names.*bad\.keras"):
        load_model(path)


def test_code_under_another_name_is_refused(monkeypatch):
    monkeypatch.setattr(keras.layers, "Harmless", keras.layers.Lambda, raising=False)
    with pytest.raises(CheckpointError, match="would run code"):
        check_classes(node("Harmless"), "file.json")


def test_nothing_is_imported_by_the_check():
    # Keras would import it: `keras.src.applications` and its like are not loaded yet.
    module = "keras.applications.resnet"
    sys.modules.pop("this_is_hostile", None)
    before = set(sys.modules)
    for name in (module, "this_is_hostile", "keras_hub.no_such_module", "antigravity"):
        with pytest.raises(CheckpointError):
            check_classes(node("Anything", name), "file.json")
    assert set(sys.modules) == before


@keras.saving.register_keras_serializable(package="mine")
class Mine(keras.layers.Layer):
    """A user's own layer."""

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="mine")
def mine(inputs):
    return inputs


GOOD = {
    "a layer": node("Dense"),
    "a model": node("Sequential", "keras"),
    "a loss": node("MeanSquaredError", "keras.losses"),
    "a schedule": node("CosineDecay", "keras.optimizers.schedules"),
    "a policy": node("DTypePolicyMap", "keras.dtype_policies"),
    "a function": function("relu", "keras.activations"),
    "a builtin function of Keras": function("mean_squared_error"),
    "a tensor of a graph": node("__keras_tensor__", config={"dtype": "bfloat16"}),
    "a short number": node("__tensor__", config={"dtype": "float8_e4m3fn"}),
    "a slice": node("__slice__", config={"start": None, "stop": 3, "step": None}),
    "numbers": node("__numpy__", config={"value": [1], "dtype": "int32"}),
    "what a user registered": node("Mine", "elsewhere", {}, "mine>Mine"),
    "a function that a user registered": function("mine>mine", "elsewhere"),
    "the same as Keras 3.6 wrote it": function("mine"),
    "ours": node("ByteTokenizer", "gone", {}, "longkeras>ByteTokenizer"),
    "KerasHub's": node("TopKSampler", "gone", {}, "keras_hub>TopKSampler"),
    "words": node("StringLookup", config={"vocabulary": ["a", "b"]}),
}


@pytest.mark.parametrize("what", GOOD)
def test_what_keras_and_users_make_passes(what):
    check_classes([{"config": GOOD[what]}], "file.json")


def test_an_object_under_a_users_own_name_passes():
    with keras.saving.custom_object_scope({"Special": Mine}):
        check_classes(node("Special", "__main__", {}, "Special"), "file.json")
    with pytest.raises(CheckpointError, match="Special"):
        check_classes(node("Special", "__main__", {}, "Special"), "file.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b"[" * 300 + b"]" * 300,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "cut", "utf-16", "abyss", "deep", "endless number"],
)
def test_what_is_no_json_is_named(content):
    with pytest.raises(CheckpointError, match=r"file\.json"):
        read_configuration(content, "file.json")


def test_endless_json_is_refused():
    with pytest.raises(CheckpointError, match=r"file\.json must hold at most"):
        read_configuration(b" " * (64 * 2**20 + 1), "file.json")


@pytest.mark.parametrize("content", [b"[]", b"{}", b"3", b'{"class_name": "Dense"}'])
def test_a_configuration_of_nothing_is_named(good_file, tmp_path, content):
    members = read_members(good_file) | {"config.json": content}
    path = write_members(tmp_path / "bad.keras", members)
    with pytest.raises(CheckpointError, match=r"bad\.keras"):
        load_model(path)


def test_absurd_sizes_are_refused_before_memory_is_taken(good_file, tmp_path):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = 10**12

    path = with_configuration(good_file, tmp_path / "bad.keras", change)
    with pytest.raises(CheckpointError, match=r"asks for more weights.*units=10000000"):
        check_keras_file(path)


def test_a_table_that_is_too_large_is_refused():
    sizes = {"vocabulary_size": 10**6, "hidden_dim": 10**4}
    check_sizes(sizes, 10**10, "config.json")
    with pytest.raises(CheckpointError, match="vocabulary_size=1000000"):
        check_sizes(sizes, 10**9, "config.json")


def test_a_size_that_does_not_fit_the_weights_is_named(good_file, tmp_path):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = 5
        del config["config"]["layers"][1]["build_config"]
        del config["config"]["layers"][2]["build_config"]

    path = with_configuration(good_file, tmp_path / "bad.keras", change)
    with pytest.raises(CheckpointError, match=r"(?s)bad\.keras.*dense"):
        load_model(path)
