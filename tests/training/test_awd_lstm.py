"""The recipe at tiny size, and the rule by which weights are averaged."""

import json
import logging

import keras
import numpy as np
import pytest

from longkeras import load_model
from longkeras.fitting import NonMonotoneAveraging
from training.recipes import awd_lstm


def test_a_tiny_run_is_trained_and_saved(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    sizes = "--num-layers 1 --hidden-dim 4 --sequence-length 6 --batch-size 2"
    steps = "--epochs 2 --epoch-steps 2 --valid-steps 1 --patience 1"

    awd_lstm.main(["--output", str(tmp_path), *sizes.split(), *steps.split()])

    history = json.loads((tmp_path / "history.json").read_text("utf-8"))
    assert np.isfinite(history["val_loss"]).all()
    assert len(history["val_loss"]) == 2
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert config["hidden_dim"] == 4
    backbone = load_model(tmp_path / "model.keras").backbone
    assert backbone.locked_dropout
    assert backbone.weight_dropout == awd_lstm.AWDLSTMConfig.weight_dropout


@pytest.fixture
def model():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))


def set_weight(model, value):
    model.trainable_variables[0].assign([[value]])


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
