"""Every constructor's arguments come back from `get_config`, with their values."""

import functools
import inspect
import json

import pytest

from tests.contracts.config_examples import CONFIG_EXAMPLES
from tests.contracts.public_objects import parameters_of, public_names, public_object

# Saved as a file beside the config (`save_assets`), not in it.
ASSETS = {"definition"}

each_class = pytest.mark.parametrize("name", CONFIG_EXAMPLES)


@pytest.fixture
def configurable(name):
    return public_object(name)


@pytest.fixture
def arguments(name):
    return arguments_of(name)


@pytest.fixture
def config(name):
    return config_of(name)


@functools.cache
def arguments_of(name):
    return CONFIG_EXAMPLES[name]()


@functools.cache
def config_of(name):
    """The config of the example, made once for the tests that read it."""
    return public_object(name)(**arguments_of(name)).get_config()


def test_every_configurable_class_has_an_example():
    found = {public_object(name): name for name in public_names()}
    exemplified = {public_object(name) for name in CONFIG_EXAMPLES}
    missing = [
        name
        for thing, name in found.items()
        if inspect.isclass(thing) and hasattr(thing, "get_config")
        if thing not in exemplified
    ]
    assert not missing, f"add {missing} to tests/contracts/config_examples.py"


@each_class
def test_an_example_gives_every_argument_a_value_of_its_own(configurable, arguments):
    assert set(parameters_of(configurable)) <= set(arguments)
    parameters = inspect.signature(configurable).parameters
    same = [
        argument
        for argument, value in arguments.items()
        if argument in parameters and parameters[argument].default == value
    ]
    assert not same, f"the example leaves {same} at the default"


@each_class
def test_the_config_holds_every_argument(config, arguments):
    arguments = {name: x for name, x in arguments.items() if name not in ASSETS}
    assert set(arguments) <= set(config)
    # Initializers, dtype policies and other objects are compared by the next test.
    plain = (int, float, str, list, tuple)
    lost = [
        argument
        for argument, value in arguments.items()
        if isinstance(config[argument], plain)
        and as_json(config[argument]) != as_json(value)
    ]
    assert not lost


@each_class
def test_an_object_rebuilt_from_its_config_has_the_same_config(configurable, config):
    # From a copy: some `from_config` methods change what they are given.
    rebuilt = configurable.from_config(as_json(config))
    assert as_json(rebuilt.get_config()) == as_json(config)


@each_class
def test_keras_classes_are_registered_as_ours(name, configurable):
    if name.startswith("longkeras.patterns."):
        return  # NumPy only; layers write a pattern as the numbers it is made of.
    import keras

    registered = keras.saving.get_registered_name(configurable)
    assert registered == f"longkeras>{configurable.__name__}"


def as_json(value):
    return json.loads(json.dumps(value))
