"""A size, rate or number that makes no sense is refused, and told what it must be."""

import functools

import numpy as np
import pytest

from longkeras.argument_checks import check_arguments, whole_number
from tests.contracts.config_examples import CONFIG_EXAMPLES
from tests.contracts.public_objects import public_object

ENDINGS = ("Attention", "Backbone", "Decay", "Embedding", "Features", "Layer", "Stack")
# Every number that these are made with, but the seed: any is one.
CASES = [
    (name, argument)
    for name, make in CONFIG_EXAMPLES.items()
    if name.endswith(ENDINGS)
    for argument, value in make().items()
    if isinstance(value, int | float) and not isinstance(value, bool)
    if argument != "seed"
]
# Their examples are whole models, too much to make while tests are collected.
CASES += [
    ("longkeras.models.LongformerTextClassifier", "num_classes"),
    ("longkeras.models.LongformerTextClassifier", "dropout"),
    ("longkeras.models.LongformerTokenClassifier", "num_classes"),
    ("longkeras.models.LongformerQuestionAnswerer", "separator_id"),
    ("longkeras.models.LongformerMaskedLM", "head_layer_norm_epsilon"),
    ("longkeras.models.LongformerMaskedLMPreprocessor", "mask_selection_length"),
    ("longkeras.models.LongformerQuestionAnswererPreprocessor", "max_question_length"),
    ("longkeras.models.LongformerTokenClassifierPreprocessor", "outside_label"),
    ("longkeras.models.LongformerTextClassifierPreprocessor", "max_sequence_length"),
    ("longkeras.models.TransformerCausalLMPreprocessor", "sequence_length"),
    ("longkeras.models.RecurrentCausalLMPreprocessor", "sequence_length"),
]
example = functools.cache(lambda name: CONFIG_EXAMPLES[name]())


@pytest.mark.parametrize(("name", "argument"), CASES)
@pytest.mark.parametrize("wrong", [-1, "3"])
def test_a_wrong_size_is_refused_by_name(name, argument, wrong):
    with pytest.raises(ValueError, match=f"`{argument}`.* must") as caught:
        public_object(name)(**{**example(name), argument: wrong})
    assert f"{argument}={wrong!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("num_layers", 0),
        ("num_layers", True),
        ("num_layers", 2.0),
        ("num_layers", None),
        ("dropout", 1.0),
        ("dropout", float("nan")),
        ("layer_norm_epsilon", 0.0),
        ("layer_norm_epsilon", float("inf")),
    ],
)
def test_what_only_looks_right_is_refused(argument, wrong):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        check_arguments({argument: wrong})


def test_what_may_be_missing_may_be_none():
    check_arguments({"sequence_length": None, "other": -1}, ("sequence_length",))


def test_a_number_of_numpy_is_one():
    assert whole_number("units", np.int64(3), 1) == 3
    check_arguments({"dropout": np.float32(0.5)})
