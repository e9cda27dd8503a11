"""Models that earlier versions saved load, with the same weights and numbers."""

import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest
from keras import ops

from longkeras import load_model, models
from tests.golden.make_saved_models import (
    ARRAYS_FILE,
    CASES,
    FOLDER,
    RECORDS_FILE,
    least_inputs,
    outputs_of,
    processor,
    record_of,
)

BEFORE_NGRAMS = pathlib.Path(__file__).parents[1] / "golden" / "saved_before"
RECORDS = json.loads(RECORDS_FILE.read_text(encoding="utf-8"))
TOLERANCE = 1e-5
# What rounds to few bits may round otherwise on another processor.
ROUNDED = {"recurrent_lstm": 2e-2, "longformer_token_classifier": 2e-2}
# A preset holds neither the optimizer nor how the model was compiled.
OF_COMPILATION = {"compiled", "optimizer", "sampler"}
# KerasHub makes a preset in mixed precision in that of Keras, if not told otherwise.
DTYPES = {"recurrent_lstm": {"dtype": "mixed_bfloat16"}}

each_case = pytest.mark.parametrize("name", CASES)


@pytest.mark.parametrize("kind", ["lstm", "windowed"])
def test_presets_from_before_ngrams_give_the_same_numbers(kind):
    stored = np.load(BEFORE_NGRAMS / "logits.npz")
    model = load_model(BEFORE_NGRAMS / kind)
    assert model.backbone.ngram_embedding is None
    logits = ops.convert_to_numpy(model({"token_ids": stored["token_ids"]}))
    np.testing.assert_allclose(logits[0, [0, 9, 19]], stored[kind], atol=1e-4)


@pytest.fixture(scope="module")
def arrays():
    with np.load(ARRAYS_FILE) as file:
        return dict(file)


@pytest.fixture(scope="module")
def is_same_processor():
    return RECORDS["processor"] == processor()


@pytest.fixture
def check_outputs(arrays, is_same_processor):
    def check(model, name):
        prefix = f"{name}/inputs/"
        inputs = {
            key.removeprefix(prefix): x
            for key, x in arrays.items()
            if key.startswith(prefix)
        }
        tolerance = 0 if is_same_processor else ROUNDED.get(name, TOLERANCE)
        for kind, given in (("outputs", inputs), ("least", least_inputs(inputs))):
            for i, output in enumerate(outputs_of(model, given)):
                expected = arrays[f"{name}/{kind}/{i}"]
                np.testing.assert_allclose(output, expected, tolerance, tolerance)

    return check


@each_case
@pytest.mark.parametrize(
    "load", [pytest.param(load_model, marks=pytest.mark.slow), keras.saving.load_model]
)
def test_a_keras_file_of_before_comes_back_whole(name, load, check_outputs):
    model = load(FOLDER / f"{name}.keras")
    assert record_of(model) == RECORDS[name]
    check_outputs(model, name)


@each_case
def test_a_preset_of_before_comes_back(name, tmp_path, check_outputs):
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as file:
        file.extractall(tmp_path)
    expected = {x: y for x, y in RECORDS[name].items() if x not in OF_COMPILATION}
    kind, options = getattr(models, expected["class"]), DTYPES.get(name, {})
    model = kind.from_preset(str(tmp_path), **options)
    record = record_of(model)
    assert {x: record[x] for x in expected} == expected
    check_outputs(model, name)
    backbone = type(getattr(model, "backbone", model))
    if backbone is not kind:
        weights = record_of(backbone.from_preset(str(tmp_path), **options))["weights"]
        assert weights.items() <= expected["weights"].items()
    assert type(load_model(tmp_path)) is kind
