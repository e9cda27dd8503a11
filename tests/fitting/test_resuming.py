"""A run that was stopped ends as one that was not, however it trains."""

import json
import shutil

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from longkeras import CheckpointError
from longkeras.data import Book, ByteCorpus
from longkeras.fitting import (
    FiniteGuard,
    NonMonotoneAveraging,
    ProgressLog,
    TrainingCheckpoint,
    WarmupStableDecay,
)
from tests.models.small_models import small_model

CORPUS = ByteCorpus([Book("one", "en", "It was the best of times. " * 40)], seed=2)
# Odd, so that accumulated gradients of a pair are left at the end of the first epoch.
BATCHES = 3

# Keras says so of every layer that has no product to quantize, inputs included.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Layer .* does not have a `quantize` method"
)


def lora(model):
    model.backbone.enable_lora(2)


def eight_bits(model):
    model.quantize("int8")


def frozen(model):
    model.backbone.token_embedding.trainable = False


def frozen_but_one(model):
    model.backbone.trainable = False
    model.backbone.transformer_layers[0].trainable = True


def lora_and_norms(model):
    model.backbone.enable_lora(2, ["query", "attention_output"])
    model.backbone.layer_norm.trainable = True


AVERAGES = {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 2}
PAIRS = {"gradient_accumulation_steps": 2}
# What is done to a new model, and options of the optimizer.
FORMS = {
    "plain": ([], {}),
    "lora": ([lora], {}),
    "lora and norms": ([lora_and_norms], {}),
    "lora on int8": ([eight_bits, lora], {}),
    "accumulation": ([], PAIRS),
    "moving average": ([], AVERAGES),
    "frozen": ([frozen], {}),
    "frozen but one": ([frozen_but_one], {}),
    "bfloat16": ([], {"dtype": "mixed_bfloat16"}),
    "float16": ([], {"dtype": "mixed_float16"}),
    "lora on int8, accumulation, moving average": (
        [eight_bits, lora],
        {**PAIRS, **AVERAGES},
    ),
    "lora, bfloat16, accumulation": ([lora], {**PAIRS, "dtype": "mixed_bfloat16"}),
}
# Most of the forms are left to the long suite.
SLOW = (
    "accumulation",
    "moving average",
    "frozen but one",
    "bfloat16",
    "lora on int8",
    "lora and norms",
    "frozen",
    "float16",
    "lora on int8, accumulation, moving average",
    "lora, bfloat16, accumulation",
)


def made(preparations=(), dtype=None, **options):
    """A model as a new process makes it."""
    keras.utils.set_random_seed(5)
    model = small_model("windowed", num_layers=1, dropout=0.1, dtype=dtype)
    for prepare in preparations:
        prepare(model)
    schedule = WarmupStableDecay(0.01, warmup_steps=2, total_steps=9, decay_steps=4)
    model.compile(
        keras.optimizers.AdamW(schedule, **options),
        weighted_metrics=[],
        run_eagerly=keras.backend.backend() != "jax",
        jit_compile=False,
    )
    return model


class EarlyAveraging(NonMonotoneAveraging):
    """Averages from the first update on."""

    def __init__(self):
        super().__init__(monitor="loss")
        self._is_averaging = True


class Copy(keras.callbacks.Callback):
    """Keeps what the folder holds after the first epoch, as a kill leaves it."""

    def __init__(self, folder, copy):
        super().__init__()
        self.folder, self.copy = folder, copy

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            shutil.copytree(self.folder, self.copy)


def run(folder, model, *callbacks, epochs=2):
    averaging = EarlyAveraging()
    checkpoint = TrainingCheckpoint(folder, monitor="loss", callbacks=[averaging])
    done = checkpoint.restore(model)
    model.fit(
        CORPUS.training_windows(12, 2, start_step=done),
        steps_per_epoch=BATCHES,
        initial_epoch=done // BATCHES,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[averaging, checkpoint, *callbacks],
    )
    return done


def assert_equal_runs(model, other):
    pairs = zip(
        [*model.variables, *model.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    )
    for one, two in pairs:
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one), ops.convert_to_numpy(two), err_msg=one.path
        )


def marks_of(form):
    return [pytest.mark.slow] if form in SLOW else []


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=marks_of(form)) for form in FORMS]
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(form, tmp_path):
    preparations, options = FORMS[form]
    whole, resumed = (made(preparations, **options) for _ in range(2))
    start = [ops.convert_to_numpy(each) for each in whole.trainable_variables]
    folder, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(folder, whole, Copy(folder, stopped))
    moved = [
        (ops.convert_to_numpy(each) != old).any()
        for each, old in zip(whole.trainable_variables, start, strict=True)
    ]
    assert all(moved)

    assert run(stopped, resumed) == BATCHES

    assert_equal_runs(resumed, whole)
    histories = [
        json.loads((place / "history.json").read_text()) for place in (folder, stopped)
    ]
    assert histories[0] == histories[1]
    assert [row["step"] for row in histories[0]] == [BATCHES, 2 * BATCHES]


def test_the_best_weights_of_a_run_with_lora_are_raw(tmp_path):
    model, other = made([lora]), made([lora])
    run(tmp_path, model, epochs=1)
    checkpoint = TrainingCheckpoint(tmp_path, callbacks=[EarlyAveraging()])
    checkpoint.restore(model)  # Before the averaging's end.
    other.optimizer.build(other.trainable_variables)
    other.load_weights(checkpoint.best_path)
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one), ops.convert_to_numpy(two), err_msg=one.path
        )


@pytest.mark.parametrize(
    ("saved", "restored", "reason"),
    [
        ([lora], [], r"variables of the model.*`enable_lora`"),
        ([], [lora], r"variables of the model.*`enable_lora`"),
        pytest.param(
            [eight_bits], [], "variables of the model", marks=pytest.mark.slow
        ),
        ([frozen], [], r"variables of the optimizer.*`trainable`"),
    ],
)
def test_a_model_prepared_in_another_way_is_refused(saved, restored, reason, tmp_path):
    model, other = made(saved), made(restored)
    checkpoint = TrainingCheckpoint(tmp_path)
    checkpoint.restore(model)
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    before = [ops.convert_to_numpy(each) for each in other.variables]
    with pytest.raises(CheckpointError, match=reason):
        TrainingCheckpoint(tmp_path).restore(other)
    for weight, old in zip(other.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), old)


def write_as_before(path, model, batches):
    """A checkpoint of longkeras 0.1, which had Keras' layout."""
    model.save_weights(path)
    weights = {id(weight) for weight in model.weights}
    seeds = [each for each in model.variables if id(each) not in weights]
    state = {
        "history": [{"step": batches, "loss": 1.0}],
        "best": 0.5,
        "random_state": [ops.convert_to_numpy(seed).tolist() for seed in seeds],
    }
    with h5py.File(path, "a") as file:
        content = np.frombuffer(json.dumps(state).encode(), np.uint8)
        file.create_dataset("training_state", data=content)
        backbone = file["layers/causal_transformer_backbone"]
        for name in [name for name in backbone if name.startswith("_")]:
            del backbone[name]


@pytest.mark.parametrize("options", [{}, pytest.param(PAIRS, marks=pytest.mark.slow)])
def test_checkpoints_of_earlier_releases_are_restored(options, tmp_path):
    model, other = made(**options), made(**options)
    run(tmp_path / "run", model, epochs=1)
    checkpoint = TrainingCheckpoint(tmp_path)
    write_as_before(checkpoint.path, model, BATCHES)
    assert checkpoint.restore(other) == BATCHES
    assert (checkpoint.best, checkpoint.history[0]["step"]) == (0.5, BATCHES)
    assert_equal_runs(other, model)


@pytest.mark.slow
def test_factors_that_an_earlier_release_merged_start_anew_and_train(tmp_path):
    model, other = made([lora]), made([lora])
    run(tmp_path / "run", model, epochs=1)
    checkpoint = TrainingCheckpoint(tmp_path)
    write_as_before(checkpoint.path, model, BATCHES)
    checkpoint.restore(other)
    ids = {"token_ids": np.array([[5, 6, 7, 8, 9]])}
    np.testing.assert_allclose(
        ops.convert_to_numpy(other(ids)), ops.convert_to_numpy(model(ids)), atol=1e-4
    )
    before = [ops.convert_to_numpy(each) for each in other.trainable_variables]
    other.fit(CORPUS.training_windows(12, 2), steps_per_epoch=2, verbose=0)
    for weight, old in zip(other.trainable_variables, before, strict=True):
        assert (ops.convert_to_numpy(weight) != old).any(), weight.path


def plain_model(steps_per_execution=1, **options):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1, **options)
    model.compile(optimizer, "mse", steps_per_execution=steps_per_execution)
    return model


X = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
Y = X.sum(axis=1)


@pytest.mark.parametrize(
    ("steps_per_execution", "accumulated"),
    [
        pytest.param(1, 4, marks=pytest.mark.slow),
        pytest.param(3, None, marks=pytest.mark.slow),
        (3, 4),
    ],
)
def test_batches_are_counted_whatever_an_update_or_a_call_takes(
    steps_per_execution, accumulated, tmp_path
):
    options = {"gradient_accumulation_steps": accumulated}
    model = plain_model(steps_per_execution, **options)
    checkpoint = TrainingCheckpoint(tmp_path)
    progress, guard = ProgressLog(16, 2, interval=5), FiniteGuard(interval=5)
    callbacks = [guard, progress, checkpoint]
    # Eight batches an epoch: of three executions the last one has two.
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=callbacks)
    assert int(model.optimizer.iterations) == 16 // (accumulated or 1)
    assert progress.step == guard.step == 16
    assert [row["step"] for row in checkpoint.history] == [8, 16]
    again = plain_model(steps_per_execution, **options)
    assert TrainingCheckpoint(tmp_path).restore(again) == 16


def test_several_batches_that_end_at_once_pass_the_place_of_a_line(caplog):
    progress = ProgressLog(20, tokens_per_step=1, interval=5)
    with caplog.at_level("INFO", "longkeras.fitting"):
        for batch in (2, 5, 8, 11):
            progress.on_train_batch_end(batch, {"loss": 1.0})
    assert [message.split(",")[0] for message in caplog.messages] == [
        "step 6/20",
        "step 12/20",
    ]


def test_batches_that_a_loss_scale_skips_are_counted(tmp_path):
    def scaled():
        model = plain_model()
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), initial_scale=1e38
        )
        model.compile(optimizer, "mse")
        return model

    model, checkpoint = scaled(), TrainingCheckpoint(tmp_path)
    checkpoint.restore(model)
    model.fit(X, Y, batch_size=2, verbose=0, callbacks=[checkpoint])
    assert int(model.optimizer.iterations) < 8
    again = scaled()
    restored = TrainingCheckpoint(tmp_path)
    assert restored.restore(again) == restored.restore(again) == 8
    assert_equal_runs(again, model)


def test_weights_are_averaged_after_updates_not_after_batches():
    averaging = EarlyAveraging()
    model = plain_model(gradient_accumulation_steps=4)
    seen = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(np.array(self.model.get_weights()[0]))

    callbacks = [averaging, Record()]
    model.fit(X, Y, batch_size=2, verbose=0, callbacks=callbacks)
    assert averaging.num_averaged == 2
    np.testing.assert_allclose(
        model.get_weights()[0], (seen[3] + seen[7]) / 2, atol=1e-6
    )
