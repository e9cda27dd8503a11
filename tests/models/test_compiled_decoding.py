"""Compiled steps follow `run_eagerly` and `jit_compile`, and are compiled once."""

import numpy as np
import pytest

from tests.models.small_models import small_model


def read_and_generate(model):
    state = model.initial_state(1, 8)
    ids = np.array([[70, 71]], "int32")
    model.compiled_prefill(ids, np.ones((1, 2), bool), state)
    model.generate("FG", max_length=4)


def test_an_eager_model_compiles_nothing():
    model = small_model("lstm")
    model.compile(sampler="greedy", run_eagerly=True)
    read_and_generate(model)
    assert not vars(model).get("_compiled_functions")


@pytest.mark.parametrize(("asked", "with_xla"), [("auto", True), (False, False)])
def test_reading_and_generating_share_one_program(asked, with_xla):
    model = small_model("lstm")
    model.compile(sampler="greedy", jit_compile=asked)
    read_and_generate(model)
    keys = list(model._compiled_functions)
    assert sum(key[0] == "prefill" for key in keys) == 1
    assert {key[2] for key in keys} == {with_xla}
