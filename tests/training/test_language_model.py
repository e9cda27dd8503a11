"""The recipe from its command line to a model that the page can load."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from keras import ops

from longkeras import load_model
from longkeras.fitting import NonFiniteError, compile_for_training
from longkeras.serving import ModelRegistry
from longkeras.serving.manifest import read_manifest
from tests.training.tiny_configs import TINY_CONFIGS
from training import model_configs
from training.recipes import language_model

pytestmark = pytest.mark.usefixtures("root_logger")


@pytest.fixture(autouse=True)
def tiny_configs(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    for name, config in TINY_CONFIGS.items():
        monkeypatch.setitem(language_model.MODEL_CONFIGS, name, config)


def run(name, folder, *more):
    short = ["--epoch-steps", "2", "--held-out-bytes", "64", "--test-bytes", "64"]
    language_model.main(
        ["--model", name, "--output", str(folder), *short, *map(str, more)]
    )


def weights(path):
    return [ops.convert_to_numpy(weight) for weight in load_model(path).weights]


def test_a_run_is_trained_measured_and_exported(tmp_path):
    models = tmp_path / "models"

    run("tiny-lstm", tmp_path / "run", "--export", models)

    (entry,) = read_manifest(models)
    assert (entry.name, entry.family) == ("tiny-lstm", "lstm")
    assert entry.task == "causal_lm"
    # Four steps of two windows of sixteen bytes.
    assert entry.bytes_seen == 4 * 2 * 16
    assert {"en", "zh", "protocol", "split"} <= set(entry.scores)
    assert 4 < entry.scores["en"] < 10
    preset = models / entry.path
    files = {p.relative_to(preset).as_posix() for p in preset.rglob("*") if p.is_file()}
    assert set(entry.sha256) == files
    for file, digest in entry.sha256.items():
        content = (preset / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    record = json.loads((preset / "training.json").read_text())
    config, history = (
        json.loads((tmp_path / "run" / f"{name}.json").read_text())
        for name in ("config", "history")
    )
    assert record == {"config": config, "history": history}
    assert model_configs.LanguageModelConfig(**config).steps == 4
    assert [row["step"] for row in history] == [2, 4]
    assert {"loss", "bits_per_byte_en", "bits_per_byte_zh"} <= set(history[0])
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "held-out books: en" in log and "starting at step 0 of 4" in log

    registry = ModelRegistry(models)
    assert list(registry.names()) == ["tiny-lstm"]
    assert registry.load("tiny-lstm").parameters == entry.parameters


@pytest.mark.slow
def test_a_run_continued_to_a_later_end_equals_one_in_one(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run("tiny-lstm", whole / "run", "--export", whole)
    run("tiny-lstm", parts / "run", "--steps", 2)
    run("tiny-lstm", parts / "run", "--export", parts)
    assert "starting at step 2 of 4" in (parts / "run" / "log.txt").read_text()
    for one, other in zip(
        weights(whole / "tiny-lstm"), weights(parts / "tiny-lstm"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    histories = [
        json.loads((folder / "run" / "history.json").read_text())
        for folder in (whole, parts)
    ]
    assert histories[0] == histories[1]


@pytest.mark.slow
def test_a_finished_run_trains_no_more_and_exports_the_same(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    run("tiny-lstm", tmp_path / "run", "--export", first)
    checkpoint = (tmp_path / "run" / "checkpoint.weights.h5").read_bytes()
    run("tiny-lstm", tmp_path / "run", "--export", second)
    assert (tmp_path / "run" / "checkpoint.weights.h5").read_bytes() == checkpoint
    for one, other in zip(
        weights(first / "tiny-lstm"), weights(second / "tiny-lstm"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    scores = [read_manifest(folder)[0].scores for folder in (first, second)]
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_models_of_all_families_stand_side_by_side(tmp_path):
    for name in TINY_CONFIGS:
        run(name, tmp_path / name, "--export", tmp_path / "models")
    # Exported anew, a model takes the place of the old one.
    run("tiny-full", tmp_path / "tiny-full", "--export", tmp_path / "models")
    entries = read_manifest(tmp_path / "models")
    assert sorted(entry.name for entry in entries) == sorted(TINY_CONFIGS)
    assert {entry.family for entry in entries} == set(model_configs.FAMILIES)
    registry = ModelRegistry(tmp_path / "models")
    for entry in entries:
        assert registry.load(entry.name).parameters == entry.parameters
        # Stages of shorter windows have more of them: the bytes are the same.
        assert entry.bytes_seen == 4 * 2 * 16
    log = (tmp_path / "tiny-window" / "log.txt").read_text()
    assert "from step 0 on: 4 windows of 8 bytes" in log
    assert "from step 2 on: 2 windows of 16 bytes" in log


def test_an_unknown_model_is_refused(capsys):
    with pytest.raises(SystemExit):
        language_model.main(["--model", "byte-rnn"])
    assert "byte-rnn" in capsys.readouterr().err


def test_an_unknown_family_is_named():
    config = dataclasses.replace(TINY_CONFIGS["tiny-lstm"], family="rnn")
    with pytest.raises(ValueError, match=r"`family` must be one of.*family='rnn'"):
        model_configs.build_model(config)


@pytest.mark.slow
def test_the_models_are_of_one_size():
    sizes = {
        name: model_configs.build_model(config).count_params()
        for name, config in model_configs.MODEL_CONFIGS.items()
        if name not in TINY_CONFIGS
    }
    assert len(sizes) == 3
    assert max(sizes.values()) / min(sizes.values()) < 1.05, sizes
    steps = {
        config.bytes_per_step * config.steps
        for name, config in model_configs.MODEL_CONFIGS.items()
        if name not in TINY_CONFIGS
    }
    assert len(steps) == 1


def test_stages_double_lengths_and_windows_and_halve_the_rate(tmp_path):
    config = dataclasses.replace(
        TINY_CONFIGS["tiny-window"], stages=3, stage_rate=0.5, grow_windows=True
    )
    config = dataclasses.replace(config, steps=12, attention_window=(4,))
    assert [config.stage_of(step)[:2] for step in (0, 4, 8)] == [
        (4, 8),
        (8, 4),
        (16, 2),
    ]
    assert [config.windows_of(stage) for stage in range(3)] == [(1,), (2,), (4,)]
    assert config.stage_ends(4) == [4, 8, 12]
    assert config.stage_ends(3) == [6, 9, 12]
    model = model_configs.build_model(config, stage=1)
    assert model.backbone.attention_window == [2]
    compile_for_training(model, config.optimizer_settings(config.stage_ends(4)))
    rates = []
    for step in (1, 4, 8):
        model.optimizer.iterations.assign(step)
        rates.append(float(ops.convert_to_numpy(model.optimizer.learning_rate)))
    np.testing.assert_allclose(rates, [0.01, 0.005, 0.0025], rtol=1e-5)
    # Without the switches everything stays as it was.
    plain = TINY_CONFIGS["tiny-window"]
    assert plain.windows_of(0) == plain.attention_window == (4,)


@pytest.mark.slow
def test_a_staged_run_is_stopped_resumed_and_keeps_its_stages(tmp_path):
    options = ["--stages", 2, "--steps", 8, "--shards", tmp_path / "shards"]
    run("tiny-window", tmp_path / "run", *options)
    run("tiny-window", tmp_path / "run", *options, "--export", tmp_path)
    windows = [
        load_model(tmp_path / "run" / f"stage-{stage}").backbone.attention_window
        for stage in (1, 2)
    ]
    assert windows == [[2], [4]]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "memory of a step" in log and "starting at step 8 of 8" in log
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    exported = json.loads((tmp_path / "tiny-window" / "training.json").read_text())
    assert exported["config"]["stages"] == 2


@pytest.mark.slow
def test_a_run_that_breaks_names_the_layer_and_keeps_the_checkpoint(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(
        language_model.MODEL_CONFIGS,
        "tiny-lstm",
        dataclasses.replace(
            TINY_CONFIGS["tiny-lstm"], learning_rate=1e30, clip_norm=None
        ),
    )
    with pytest.raises(NonFiniteError, match=r"The (first|update) (in|of) step \d+"):
        run("tiny-lstm", tmp_path / "run", "--steps", 40)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "Looking for the layer" in log
