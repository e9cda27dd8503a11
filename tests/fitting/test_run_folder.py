"""The folder of a run, and the loop that trains in it."""

import dataclasses
import json
import logging

import keras
import numpy as np
import pytest

from longkeras.fitting import NonFiniteError, RunFolder, fit_steps


@dataclasses.dataclass(frozen=True)
class Config:
    sizes: tuple[int, ...] = (1, 2)
    seed: int = 7


class Rows(keras.utils.PyDataset):
    """The batches of a run from a step on, which depend on nothing but the step."""

    def __init__(self, start_step, bad_step=None):
        super().__init__()
        self.start_step = start_step
        self.bad_step = bad_step

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        step = self.start_step + index
        x = np.random.default_rng(step).normal(size=(2, 2)).astype("float32")
        y = np.full((2, 1), np.nan if step == self.bad_step else 1.0, "float32")
        return x, y


@pytest.fixture
def model():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return model


@pytest.mark.usefixtures("root_logger")
def test_a_run_begins_with_log_configuration_and_seed(tmp_path):
    run = RunFolder(tmp_path / "runs" / "one")
    run.begin(Config())
    drawn = np.random.random()
    logging.getLogger("anything").info("a line")
    again = RunFolder(tmp_path / "runs" / "one")
    again.begin(Config())
    assert np.random.random() == drawn
    again.write_result({"bits": 2.5})
    log = (run.path / "log.txt").read_text("utf-8")
    assert log.index("a line") < log.index('{"bits": 2.5}')
    config = {"sizes": [1, 2], "seed": 7}
    assert json.loads((run.path / "config.json").read_text("utf-8")) == config
    assert json.loads((run.path / "result.json").read_text("utf-8")) == {"bits": 2.5}


def test_a_record_has_the_history_of_the_checkpoints(tmp_path, model):
    run = RunFolder(tmp_path)
    assert run.record(Config())["history"] == []
    checkpoint = run.checkpoint()
    step = checkpoint.restore(model)
    # An end between checkpoints is moved to the next one.
    assert fit_steps(model, Rows, step, 3, 2, checkpoint) == 4
    record = run.record(Config())
    assert [row["step"] for row in record["history"]] == [2, 4]
    assert record["config"] == {"sizes": (1, 2), "seed": 7}


def test_a_run_may_go_on_with_other_epochs(tmp_path, model):
    checkpoint = RunFolder(tmp_path).checkpoint()
    step = fit_steps(model, Rows, checkpoint.restore(model), 3, 3, checkpoint)
    assert fit_steps(model, Rows, step, 6, 2, checkpoint) == 7
    assert checkpoint.restore(model) == 7
    assert [row["step"] for row in checkpoint.history] == [3, 5, 7]
    # What is done already is not done again.
    assert fit_steps(model, Rows, 7, 6, 2, checkpoint) == 7
    assert checkpoint.restore(model) == 7


def test_steps_in_two_parts_equal_those_in_one(tmp_path, model):
    start = model.get_weights()
    whole = RunFolder(tmp_path / "whole").checkpoint()
    fit_steps(model, Rows, whole.restore(model), 4, 2, whole)
    expected = model.get_weights()
    model.set_weights(start)
    model.optimizer.iterations.assign(0)
    parts = RunFolder(tmp_path / "parts").checkpoint()
    for end in (2, 4):
        fit_steps(model, Rows, parts.restore(model), end, 2, parts)
    for one, other in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_that_breaks_says_where_and_keeps_its_checkpoint(tmp_path, model, caplog):
    checkpoint = RunFolder(tmp_path).checkpoint()
    step = checkpoint.restore(model)
    with pytest.raises(NonFiniteError, match=r"The first in step 3: loss of the batch"):
        fit_steps(model, lambda step: Rows(step, 3), step, 6, 2, checkpoint)
    assert "Looking for the layer" in caplog.text
    assert checkpoint.restore(model) == 2
