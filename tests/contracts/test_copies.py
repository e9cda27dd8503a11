"""Keras' own ways of copying and describing a model, for every task and backbone."""

import copy
import functools
import json
import pickle

import keras
import numpy as np
import pytest

from tests.contracts.config_examples import CONFIG_EXAMPLES
from tests.contracts.public_objects import public_object

NAMES = [
    name
    for name in CONFIG_EXAMPLES
    if name.startswith("longkeras.models.")
    and not name.endswith(("Preprocessor", "Tokenizer"))
]
IDS = np.array([[5, 6, 7, 4, 3, 5, 6, 2]])

each_model = pytest.mark.parametrize("name", NAMES)


@functools.cache
def model_of(name):
    """The example in float32, compiled otherwise than by default."""
    arguments = CONFIG_EXAMPLES[name]()
    backbone = arguments.get("backbone")
    if backbone is None:
        arguments["dtype"] = "float32"
    else:
        config = {**backbone.get_config(), "dtype": "float32"}
        arguments["backbone"] = type(backbone).from_config(config)
    model = public_object(name)(**arguments)
    options = {"sampler": "greedy"} if hasattr(model, "sampler") else {}
    model.compile(keras.optimizers.SGD(0.25), loss="mse", **options)
    return model


def inputs_of(model):
    values = {
        "token_ids": IDS,
        "padding_mask": np.ones_like(IDS),
        "mask_positions": np.array([[1, 2, 3]]),
    }
    zeros = np.zeros_like(IDS)
    known = [x.name for x in model.inputs]
    return {
        name: keras.ops.convert_to_tensor(values.get(name, zeros), "int32")
        for name in known
    }


def assert_equal_outputs(found, model):
    arrays = [
        [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(each)]
        for each in (found(inputs_of(model)), model(inputs_of(model)))
    ]
    for one, other in zip(*arrays, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def assert_same_compilation(found, model):
    assert found.optimizer.learning_rate == 0.25
    assert found.loss == "mse"
    if hasattr(model, "sampler"):
        assert type(found.sampler) is type(model.sampler)


def vocabulary_of(model):
    preprocessor = getattr(model, "preprocessor", None)
    return None if preprocessor is None else preprocessor.tokenizer.get_vocabulary()


@each_model
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "copy", "pickle"],
)
def test_a_copy_is_the_model_with_all_it_has(name, copied):
    model = model_of(name)
    found = copied(model)
    assert type(found) is type(model)
    assert found.name == model.name
    assert not {id(x) for x in found.weights} & {id(x) for x in model.weights}
    assert_equal_outputs(found, model)
    assert_same_compilation(found, model)
    assert vocabulary_of(found) == vocabulary_of(model)


@each_model
def test_models_of_one_config_share_nothing(name):
    model = model_of(name)
    config = model.get_config()
    before = json.dumps(config)
    one, other = (type(model).from_config(config) for _ in range(2))
    assert json.dumps(config) == before
    assert not {id(x) for x in one.weights} & {id(x) for x in other.weights}
    one.set_weights(model.get_weights())
    assert_equal_outputs(one, model)


@each_model
def test_a_model_is_compiled_from_its_compile_config(name):
    model = model_of(name)
    config = model.get_compile_config()
    before = json.dumps(config)
    found = type(model).from_config(model.get_config())
    found.compile_from_config(config)
    assert json.dumps(config) == before
    assert_same_compilation(found, model)
    again = found.get_compile_config()
    assert json.loads(json.dumps(again)) == json.loads(before)


@each_model
def test_a_clone_computes_the_same_with_the_same_weights(name):
    model = model_of(name)
    # A plain model, and tied weights are no longer tied, as Keras says of it.
    found = keras.models.clone_model(model)
    for layer, other in zip(found.layers, model.layers, strict=True):
        layer.set_weights(other.get_weights())
    assert_equal_outputs(found, model)
    assert found.optimizer.learning_rate == 0.25


@each_model
def test_a_model_is_described(name):
    model, lines = model_of(name), []
    model.summary(
        expand_nested=True,
        show_trainable=True,
        line_length=200,
        print_fn=lambda text, **_: lines.append(text),
    )
    described = "\n".join(lines)
    backbone = getattr(model, "backbone", model)
    for layer in (*model.layers, *backbone.layers):
        assert layer.name in described
    drawn = keras.utils.model_to_dot(
        model, expand_nested=True, show_shapes=True, show_layer_names=True
    )
    for layer in model.layers:
        assert layer.name in drawn.to_string()


def test_files_that_hold_what_compile_was_given_in_the_former_place_load():
    model = model_of("longkeras.models.TransformerCausalLM")
    config = model.get_compile_config()
    kept = config["optimizer"].pop("longkeras")
    assert set(kept) == {"optimizer_built", "sampler"}
    found = type(model).from_config(model.get_config())
    found.compile_from_config({**config, **kept})
    assert_same_compilation(found, model)
