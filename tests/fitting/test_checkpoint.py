"""A run that was killed goes on as if nothing had happened."""

import json
import os
import resource

import keras
import numpy as np
import pytest
from keras import ops

from longkeras import CheckpointError
from longkeras.data import Book, ByteCorpus
from longkeras.fitting import NonFiniteError, TrainingCheckpoint
from longkeras.fitting import checkpoint as checkpoint_module
from longkeras.fitting.checkpoint import write_json
from tests.models.small_models import small_model

CORPUS = ByteCorpus([Book("one", "en", "It was the best of times. " * 40)], seed=2)
STEPS_PER_EPOCH = 2


def fresh_model(**options):
    """A new process knows nothing but the configuration."""
    keras.utils.set_random_seed(5)
    options = {"num_layers": 1, "dropout": 0.1, **options}
    model = small_model("lstm", **options)
    model.compile(
        keras.optimizers.AdamW(0.01),
        weighted_metrics=[],
        run_eagerly=keras.backend.backend() != "jax",
        jit_compile=False,
    )
    return model


def run(folder, epochs, model=None):
    """Train to that epoch, from the folder's checkpoint if there is one."""
    model = model or fresh_model()
    checkpoint = TrainingCheckpoint(folder)
    step = checkpoint.restore(model)
    model.fit(
        CORPUS.training_windows(12, 2, start_step=step),
        steps_per_epoch=STEPS_PER_EPOCH,
        initial_epoch=step // STEPS_PER_EPOCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[checkpoint],
    )
    return model, step


def arrays(model):
    everything = [*model.weights, *model.optimizer.variables]
    return [ops.convert_to_numpy(weight) for weight in everything]


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """The folder of a run that was stopped after one of two epochs."""
    folder = tmp_path_factory.mktemp("run")
    model, step = run(folder, epochs=1)
    assert step == 0
    return folder, model


@pytest.fixture
def folder(halves, tmp_path):
    """A copy of the folder, to change."""
    for path in halves[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(folder, tmp_path):
    whole, _ = run(tmp_path / "whole", epochs=2)
    resumed, step = run(folder, epochs=2)
    assert step == STEPS_PER_EPOCH
    for one, other in zip(arrays(whole), arrays(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    histories = [
        json.loads((place / "history.json").read_text())
        for place in (tmp_path / "whole", folder)
    ]
    assert histories[0] == histories[1]
    assert [row["step"] for row in histories[0]] == [2, 4]


def test_restoring_gives_weights_moments_and_step(halves):
    folder, model = halves
    loaded = fresh_model()
    assert TrainingCheckpoint(folder).restore(loaded) == STEPS_PER_EPOCH
    for one, other in zip(arrays(model), arrays(loaded), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_fresh_folder_starts_at_zero(tmp_path):
    model = fresh_model()
    before = [ops.convert_to_numpy(weight) for weight in model.weights]
    assert TrainingCheckpoint(tmp_path / "new").restore(model) == 0
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), old)


class Counter(keras.callbacks.Callback):
    """A callback with a state."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1

    def get_state(self):
        return {"count": np.array(self.count)}

    def set_state(self, state):
        self.count = int(state["count"])


def test_callbacks_go_on_with_their_state(tmp_path):
    model, counter = fresh_model(), Counter()
    checkpoint = TrainingCheckpoint(tmp_path, callbacks=[counter])
    windows = CORPUS.training_windows(12, 2)
    model.fit(windows, steps_per_epoch=3, verbose=0, callbacks=[counter, checkpoint])
    restored = Counter()
    TrainingCheckpoint(tmp_path, callbacks=[restored]).restore(fresh_model())
    assert restored.count == 3


@pytest.mark.parametrize("given", [0, 2])
def test_as_many_callbacks_as_were_saved(tmp_path, given):
    model = fresh_model()
    checkpoint = TrainingCheckpoint(tmp_path, callbacks=[Counter()])
    checkpoint.restore(model)
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    others = TrainingCheckpoint(tmp_path, callbacks=[Counter()] * given)
    with pytest.raises(CheckpointError, match=f"1 callbacks, not of {given}"):
        others.restore(fresh_model())


def test_the_history_counts_the_optimizers_batches(folder):
    # It once counted epochs, and was wrong after a change of their length.
    model = fresh_model()
    checkpoint = TrainingCheckpoint(folder)
    checkpoint.restore(model)
    model.optimizer.iterations.assign(7)
    checkpoint.set_model(model)
    checkpoint.on_epoch_end(epoch=1, logs={"loss": np.float32(0.5)})
    history = json.loads((folder / "history.json").read_text())
    assert [row["step"] for row in history] == [2, 7]
    assert history[-1]["loss"] == 0.5


def test_the_history_is_the_one_of_the_checkpoint(folder):
    # A kill between the two files: the one with the weights decides.
    rows = json.loads((folder / "history.json").read_text())
    for other in ([], [*rows, {"step": 4, "loss": 0.5}]):
        write_json(folder / "history.json", other)
        checkpoint = TrainingCheckpoint(folder)
        checkpoint.restore(fresh_model())
        assert checkpoint.history == rows
        assert json.loads((folder / "history.json").read_text()) == rows


def test_a_checkpoint_without_state_is_read_as_it_was(halves, folder):
    # As they were written before the state lay in the same file.
    halves[1].save_weights(folder / "checkpoint.weights.h5")
    rows = [{"step": 2, "loss": 1.0}, {"step": 4, "loss": 0.5}]
    write_json(folder / "history.json", rows)
    checkpoint = TrainingCheckpoint(folder)
    assert checkpoint.restore(fresh_model()) == 2
    assert (checkpoint.history, checkpoint.best) == (rows[:1], None)


def test_the_random_state_of_dropout_is_restored(halves):
    folder, model = halves
    loaded = fresh_model()
    weights = {id(weight) for weight in loaded.weights}
    assert sum(id(each) not in weights for each in loaded.variables) >= 1
    TrainingCheckpoint(folder).restore(loaded)
    for one, other in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one), ops.convert_to_numpy(other)
        )


def test_only_better_weights_replace_the_best(folder):
    model = fresh_model()
    checkpoint = TrainingCheckpoint(folder, monitor="bits")
    checkpoint.restore(model)
    checkpoint.set_model(model)
    saved = []
    for bits in (3.0, 2.0, 2.5, float("nan"), float("inf"), 1.0):
        before = checkpoint.best_path.exists() and checkpoint.best_path.read_bytes()
        checkpoint.on_epoch_end(1, {"bits": bits})
        saved.append(checkpoint.best_path.read_bytes() != before)
    assert saved == [True, True, False, False, False, True]
    again = TrainingCheckpoint(folder, monitor="bits", mode="max")
    again.restore(model)
    assert again.best == 1.0
    again.set_model(model)
    again.on_epoch_end(1, {"bits": 0.5})
    assert again.best == 1.0


def test_weights_that_are_no_numbers_are_not_saved(folder):
    model = fresh_model()
    checkpoint = TrainingCheckpoint(folder, monitor="bits")
    checkpoint.restore(model)
    old = checkpoint.path.read_bytes()
    checkpoint.set_model(model)
    weight = model.trainable_variables[1]
    weight.assign(weight * np.float32("nan"))
    with pytest.raises(NonFiniteError, match=f"After step 1 .*{weight.path}"):
        checkpoint.on_epoch_end(1, {"bits": 0.0})
    assert checkpoint.path.read_bytes() == old
    assert not checkpoint.best_path.exists()


def test_a_full_disk_leaves_the_old_checkpoint(folder):
    model = fresh_model()
    checkpoint = TrainingCheckpoint(folder, monitor="bits")
    checkpoint.restore(model)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    checkpoint.set_model(model)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 1000, 20_000):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
            with pytest.raises(OSError):
                checkpoint.on_epoch_end(1, {"bits": 1.0})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match="`mode` must be"):
        TrainingCheckpoint("runs/none", mode="auto")


@pytest.mark.parametrize("moment", ["writing", "replacing"])
def test_a_write_that_is_interrupted_leaves_the_old_checkpoint(
    folder, moment, monkeypatch
):
    model = fresh_model()
    checkpoint = TrainingCheckpoint(folder)
    checkpoint.restore(model)
    old = checkpoint.path.read_bytes()
    checkpoint.set_model(model)

    def half_written(file, _):
        file["variables"] = 0
        raise KeyboardInterrupt

    def killed(*_):
        raise KeyboardInterrupt

    if moment == "writing":
        monkeypatch.setattr(checkpoint_module, "write_run_variables", half_written)
    else:
        monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.on_epoch_end(1, {})
    monkeypatch.undo()
    assert checkpoint.path.read_bytes() == old
    # And what was left lying about does not disturb the next run.
    again = fresh_model()
    assert TrainingCheckpoint(folder).restore(again) == STEPS_PER_EPOCH
    checkpoint.set_model(again)
    checkpoint.on_epoch_end(1, {})
    names = {path.name for path in folder.iterdir()}
    assert names == {"checkpoint.weights.h5", "history.json"}


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_a_damaged_checkpoint_is_named(folder, damage):
    path = TrainingCheckpoint(folder).path
    content = path.read_bytes()
    spoilt = {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "text": b"Call me Ishmael.",
        "flipped": bytes(byte ^ 0xFF for byte in content[:2048]) + content[2048:],
    }
    path.write_bytes(spoilt[damage])
    with pytest.raises(CheckpointError, match=r"checkpoint\.weights\.h5 does not fit"):
        TrainingCheckpoint(folder).restore(fresh_model())


def test_a_checkpoint_of_another_size_is_named(folder):
    with pytest.raises(CheckpointError, match="Give another output folder"):
        TrainingCheckpoint(folder).restore(fresh_model(num_layers=2))


def test_json_is_replaced_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "history.json"
    write_json(path, ["话说", 1])
    assert path.read_text("utf-8").startswith('[\n "话说"')

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, ["new"])
    assert json.loads(path.read_text("utf-8")) == ["话说", 1]
