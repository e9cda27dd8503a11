"""The recipe at tiny size, and the rule by which weights are averaged."""

import json
import math

import h5py
import keras
import numpy as np
import pytest

from longkeras import load_model
from longkeras.data import sample
from longkeras.fitting import NonMonotoneAveraging
from training.recipes import awd_lstm

pytestmark = pytest.mark.usefixtures("root_logger")
SIZES = "--num-layers 1 --hidden-dim 4 --sequence-length 6 --batch-size 2"
STEPS = "--epoch-steps 2 --valid-steps 1 --patience 1 --test-bytes 16"


@pytest.fixture(autouse=True)
def _bundled_samples(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)


def run(folder, epochs, more=""):
    arguments = f"--output {folder} --epochs {epochs} {SIZES} {STEPS} {more}"
    awd_lstm.main(arguments.split())


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_a_tiny_run_is_trained_measured_and_saved(tmp_path):
    run(tmp_path, epochs=2)

    history = read(tmp_path / "history.json")
    assert [row["step"] for row in history] == [2, 4]
    assert np.isfinite([row["val_loss"] for row in history]).all()
    assert read(tmp_path / "config.json")["hidden_dim"] == 4
    assert set(read(tmp_path / "result.json")) == {"en", "zh"}
    backbone = load_model(tmp_path / "model.keras").backbone
    assert backbone.locked_dropout
    assert backbone.weight_dropout == awd_lstm.AWDLSTMConfig.weight_dropout


@pytest.mark.slow
def test_plays_are_measured_in_nats(tmp_path, monkeypatch):
    text = sample("middlemarch").text[:2000]
    monkeypatch.setattr(awd_lstm, "read_plays", lambda data: (text, text[:100]))
    run(tmp_path, 1, "--texts plays --setting modern")

    result = read(tmp_path / "result.json")
    assert result["characters"] == 100
    assert set(result["segments"]) == {"6"}
    # Two steps from a guess among 259.
    assert result["streaming"] == pytest.approx(math.log(259), rel=0.05)
    assert read(tmp_path / "config.json")["optimizer"] == "muon"


def averaging_at_once(monkeypatch):
    """From the fourth epoch on, whatever validation says."""

    class AtOnce(NonMonotoneAveraging):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {"val_loss": float(epoch)})

    monkeypatch.setattr(awd_lstm, "NonMonotoneAveraging", AtOnce)


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_mean_of_an_uninterrupted_one(
    tmp_path, monkeypatch
):
    averaging_at_once(monkeypatch)
    run(tmp_path / "whole", epochs=5)
    for epochs in (4, 5, 5):
        run(tmp_path / "resumed", epochs)

    whole, resumed = (
        load_model(tmp_path / name / "model.keras").get_weights()
        for name in ("whole", "resumed")
    )
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)
    with h5py.File(tmp_path / "resumed" / "checkpoint.weights.h5") as file:
        assert file["callbacks/0/num_averaged"][()] == 4


@pytest.fixture
def model():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.compile("sgd", "mse")
    return model


def set_weight(model, value):
    """As an update of the optimizer does."""
    model.trainable_variables[0].assign([[value]])
    model.optimizer.iterations.assign_add(1)


def weight(model):
    return float(keras.ops.convert_to_numpy(model.trainable_variables[0])[0, 0])


def test_weights_are_averaged_once_validation_no_longer_improves(model):
    averaging = NonMonotoneAveraging(patience=1)
    averaging.set_model(model)
    for epoch, loss in enumerate([1.0, 3.0, 2.0]):
        averaging.on_train_batch_end(0)
        averaging.on_epoch_end(epoch, {"val_loss": loss})
    assert averaging.num_averaged == 0
    for value in (1.0, 2.0, 6.0):
        set_weight(model, value)
        averaging.on_train_batch_end(0)
    averaging.on_test_begin()
    assert weight(model) == 3.0
    averaging.on_test_end()
    assert weight(model) == 6.0
    averaging.on_train_end()
    assert weight(model) == 3.0


def test_what_is_monitored_must_be_logged(model):
    with pytest.raises(ValueError, match=r"`monitor` must be .*monitor='val_loss'"):
        NonMonotoneAveraging().on_epoch_end(0, {"loss": 1.0})
