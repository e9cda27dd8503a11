"""The recipe on Shakespeare from its command line to its result."""

import bz2
import dataclasses
import json
import math

import pytest

from longkeras.data import sample
from training.model_configs import build_model
from training.plays import read_plays
from training.recipes import tinyshakespeare

TEXT = sample("middlemarch").text.encode("ascii", "ignore").decode()[:2000]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data" / "lm_en_tinyshakespeare" / "input.txt.bz2"
    path.parent.mkdir(parents=True)
    path.write_bytes(bz2.compress(TEXT.encode()))
    return tmp_path / "data"


def test_the_last_tenth_is_held_out(data):
    train, held_out = read_plays(data)
    assert train + held_out == TEXT
    assert (len(train), len(held_out)) == (1800, 200)
    for nothing in (None, data.parent):
        with pytest.raises(ValueError, match="`--data` must name a folder with"):
            read_plays(nothing)


@pytest.mark.slow
@pytest.mark.usefixtures("root_logger")
def test_a_run_is_trained_and_compared(data, tmp_path, monkeypatch):
    setting = tinyshakespeare.SETTINGS["small"]
    config = dataclasses.replace(
        setting.config,
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=8,
        attention_window=(16,),
        sequence_length=16,
        batch_size=2,
        warmup_steps=1,
        dropout=0.1,
    )
    tiny = dataclasses.replace(setting, config=config)
    monkeypatch.setitem(tinyshakespeare.SETTINGS, "small", tiny)
    folder = tmp_path / "run"
    options = ["--steps", "4", "--epoch-steps", "2", "--held-out-bytes", "32"]
    options += ["--segment-lengths", "8", "16"]
    tinyshakespeare.main(["--data", str(data), "--output", str(folder), *options])
    result = json.loads((folder / "result.json").read_text())
    assert result["nanogpt"] == 1.88
    assert result["characters"] == 200
    assert set(result["segments"]) == {"8", "16"}
    for nats in (*result["segments"].values(), result["streaming"]):
        assert 0.8 * math.log(259) < nats < 1.2 * math.log(259)
    assert json.loads((folder / "config.json").read_text())["dropout"] == 0.1
    assert len(json.loads((folder / "history.json").read_text())) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters"), [("small", 0.80), ("large", 10.65)])
def test_models_are_as_large_as_nanogpts(name, parameters):
    model = build_model(tinyshakespeare.SETTINGS[name].config)
    assert model.count_params() / 1e6 == pytest.approx(parameters, rel=0.05)
