"""The recipe of the pass key from its command line to a record and a preset."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from keras import ops

from longkeras import load_model
from longkeras.data import sample
from longkeras.fitting import RunFolder
from longkeras.serving import ModelRegistry
from training import evaluation_report, passkey, passkey_texts
from training.evaluation_record import read_records
from training.recipes import passkey_encoder
from training.recipes.passkey_encoder import RecallSettings, passkey_examples

SAVED = pathlib.Path(__file__).parents[2] / "saved_models" / "passkey-encoder"
LENGTH = 4096
BOOK = sample("middlemarch").text.encode()
TINY = dataclasses.replace(
    passkey.PASSKEY_MODELS["passkey-encoder"],
    num_layers=1,
    hidden_dim=8,
    num_heads=2,
    intermediate_dim=8,
    attention_window=4,
    position_period=64,
    stages=((128, 2, 2, 0), (192, 2, 2, 0)),
)


@pytest.mark.slow
@pytest.mark.usefixtures("root_logger")
def test_a_run_is_trained_measured_reported_and_exported(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    monkeypatch.setitem(passkey.PASSKEY_MODELS, "passkey-encoder", TINY)
    size = ["--epoch-steps", 2, "--lengths", 192, "--depths", 0.5, "--repeats", 2]
    folders = ["--output", tmp_path / "run", "--results", tmp_path / "results"]
    options = ["--model", "passkey-encoder", *size, *folders]

    passkey_encoder.main(
        [*map(str, options), "--measure", "--export", str(tmp_path / "models")]
    )

    (record,) = read_records(tmp_path / "results")
    preset = tmp_path / "models" / "passkey-encoder"
    model = load_model(preset)
    assert record["model"]["parameters"] == model.count_params()
    registry = ModelRegistry(tmp_path / "models")
    assert registry.names("key_search") == ("passkey-encoder",)
    assert registry.load("passkey-encoder").parameters > model.count_params()
    (measurement,) = record["measurements"]
    assert measurement["length"] == 192
    (score,) = measurement["scores"]
    assert (score["count"], score["chance"]) == (2, pytest.approx(1e-5))
    history = json.loads((preset / "training.json").read_text())["history"]
    assert [(row["step"], row["length"]) for row in history] == [(2, 128), (4, 192)]
    more = ["--last-steps", "4", "--decay-fraction", "0.5"]
    passkey_encoder.main([*map(str, options), *more])
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["stages"][-1][2], config["decay_fraction"]) == (4, 0.5)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [row["step"] for row in history] == [2, 4, 6]
    page = tmp_path / "docs" / "page.md"
    evaluation_report.main(
        ["--results", str(tmp_path / "results"), "--page", str(page)]
    )
    assert "| `passkey-encoder` | 192 |" in page.read_text("utf-8")
    assert (page.parent / "images" / "evaluation_passkey.svg").exists()


def test_digits_are_asked_for_at_five_bytes_of_a_global_question():
    config = dataclasses.replace(TINY, stages=((256, 3, 1, 1),))
    inputs, labels, weights = passkey_texts.PasskeyBatches([BOOK], config)[0]
    rows, again = (passkey_texts.PasskeyBatches([BOOK], config) for _ in range(2))
    np.testing.assert_array_equal(rows[5][1], again[5][1])
    np.testing.assert_allclose(weights.mean(), 1)
    for row in range(3):
        real = inputs["padding_mask"][row].astype(bool)
        text = bytes((inputs["token_ids"][row][real] - 3).tolist()).decode()
        asked = weights[row] > 0
        is_global = inputs["global_attention_mask"][row].astype(bool)
        question = bytes((inputs["token_ids"][row][is_global] - 3).tolist()).decode()
        answer = "".join(map(str, labels[row][asked]))
        assert question == " What is the pass key? The pass key is "
        assert text.endswith(question) and 192 <= text.index(question) <= 256
        assert np.flatnonzero(asked)[0] == text.index(" key? ")
        assert text.count(f" The pass key is {answer}. ") == 1
        assert text.count("Remember it: ") == 2


def test_a_model_that_reads_the_end_gets_the_end_and_its_question():
    config = dataclasses.replace(TINY, family="short", reads=128)
    inputs, labels, weights = passkey_texts.PasskeyBatches([BOOK], config)[0]
    assert labels.shape == (2, 128)
    assert (weights > 0).sum() == 10
    assert not inputs["global_attention_mask"].any()
    assert inputs["padding_mask"].all()


def test_positions_go_on_where_they_began():
    waves = passkey.position_waves(64, 16)
    steps = np.linalg.norm(waves - np.roll(waves, 1, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])
    distances = np.linalg.norm(waves[1:] - waves[0], axis=1)
    assert distances.min() > 0.5


def test_the_models_are_of_one_size_and_see_the_same_texts():
    configs = passkey.PASSKEY_MODELS.values()
    sizes = [
        passkey_encoder.parameters(passkey.build_passkey_model(config), config)
        for config in configs
    ]
    assert max(sizes) / min(sizes) < 1.02, sizes
    assert len({(config.stages, config.seed) for config in configs}) == 1


def test_an_unknown_family_and_stages_between_checkpoints_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`family` must be one of.*family='gru'"):
        passkey.build_passkey_model(dataclasses.replace(TINY, family="gru"))
    with pytest.raises(ValueError, match=r"`epoch_steps` must divide.*epoch_steps=3"):
        passkey_encoder.train(TINY, None, RunFolder(tmp_path), epoch_steps=3)


@pytest.mark.slow
def test_the_shipped_encoder_finds_most_keys_in_texts_longer_than_its_positions():
    config = passkey.PASSKEY_MODELS["passkey-encoder"]
    settings = RecallSettings(depths=(0.0, 0.3, 0.7, 1.0), repeats=2)
    examples = passkey_examples([BOOK], LENGTH, settings)
    model = load_model(SAVED)
    assert model.backbone.max_sequence_length == 512
    model = passkey_encoder.long_enough(model, config, LENGTH)

    found = passkey_texts.is_right(model, examples, config, batch_size=4)

    # A guess is right once in 100,000; on whole test books it finds 0.96.
    assert found.mean() >= 0.95
    # Nothing but the question's view of the whole text brings the digits there.
    inputs, labels, weights = passkey_texts.labelled(examples[:2], LENGTH, config)
    inputs["global_attention_mask"][:] = 0
    logits = ops.convert_to_numpy(model(inputs))
    asked = weights > 0
    assert (logits.argmax(-1) == labels)[asked].mean() < 0.5
