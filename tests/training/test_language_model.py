"""The recipe from its command line to a model that the page can load."""

import dataclasses
import hashlib
import json
import logging

import numpy as np
import pytest
from keras import ops

from longkeras.serving import ModelRegistry
from longkeras.serving.manifest import read_manifest
from tests.training.tiny_contestants import TINY_CONTESTANTS
from training import contestants
from training.recipes import language_model


@pytest.fixture(autouse=True)
def tiny_contestants(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    for name, config in TINY_CONTESTANTS.items():
        monkeypatch.setitem(language_model.CONTESTANTS, name, config)


@pytest.fixture(autouse=True)
def root_logger():
    """The recipe logs to a file of the run: not of the runs after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # `basicConfig(force=True)` closes what it finds: keep pytest's out of its way.
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def run(name, folder, *more):
    short = ["--epoch-steps", "2", "--held-out-bytes", "64", "--test-bytes", "64"]
    language_model.main(
        ["--model", name, "--output", str(folder), *short, *map(str, more)]
    )


def weights(path):
    from longkeras import load_model

    return [ops.convert_to_numpy(weight) for weight in load_model(path).weights]


def test_a_run_is_trained_measured_and_exported(tmp_path):
    models = tmp_path / "models"

    run("tiny-lstm", tmp_path / "run", "--export", models)

    (entry,) = read_manifest(models)
    assert (entry.name, entry.family) == ("tiny-lstm", "lstm")
    assert entry.task == "RecurrentCausalLM"
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
    assert contestants.LanguageModelConfig(**config).steps == 4
    assert [row["step"] for row in history] == [2, 4]
    assert {"loss", "bits_per_byte_en", "bits_per_byte_zh"} <= set(history[0])
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "held-out books: en" in log and "starting at step 0 of 4" in log

    registry = ModelRegistry(models)
    assert list(registry.names()) == ["tiny-lstm"]
    assert registry.load("tiny-lstm").parameters == entry.parameters


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
    for name in TINY_CONTESTANTS:
        run(name, tmp_path / name, "--export", tmp_path / "models")
    # Exported anew, a model takes the place of the old one.
    run("tiny-full", tmp_path / "tiny-full", "--export", tmp_path / "models")
    entries = read_manifest(tmp_path / "models")
    assert sorted(entry.name for entry in entries) == sorted(TINY_CONTESTANTS)
    assert {entry.family for entry in entries} == set(contestants.FAMILIES)
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
    config = dataclasses.replace(TINY_CONTESTANTS["tiny-lstm"], family="rnn")
    with pytest.raises(ValueError, match=r"`family` must be one of.*family='rnn'"):
        contestants.build_model(config)


@pytest.mark.slow
def test_the_contestants_are_of_one_size():
    sizes = {
        name: contestants.build_model(config).count_params()
        for name, config in contestants.CONTESTANTS.items()
        if name not in TINY_CONTESTANTS
    }
    assert len(sizes) == 3
    assert max(sizes.values()) / min(sizes.values()) < 1.05, sizes
    steps = {
        config.bytes_per_step * config.steps
        for name, config in contestants.CONTESTANTS.items()
        if name not in TINY_CONTESTANTS
    }
    assert len(steps) == 1
