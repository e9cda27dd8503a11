"""NaN and infinity stop a run at once, are named, and are not saved."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.data import Book, ByteCorpus
from longkeras.fitting import (
    FiniteGuard,
    NonFiniteError,
    TrainingCheckpoint,
    explain_non_finite,
    find_non_finite,
)
from tests.models.small_models import small_model

CORPUS = ByteCorpus([Book("one", "en", "It was the best of times. " * 40)], seed=2)
X, Y = np.ones((2, 4), "float32"), np.ones((2, 1), "float32")


class Exponential(keras.layers.Layer):
    """Overflows where its inputs are large."""

    def call(self, x):
        return ops.exp(x)


class SteepAtZero(keras.layers.Layer):
    """Finite everywhere, and without a finite slope at zero."""

    def call(self, x):
        return x + ops.sqrt(ops.abs(x) * 0.0)


def dense_model(layer):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="low", kernel_initializer="ones")(inputs)
    x = layer(x)
    x = keras.layers.Dense(3, name="middle")(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="high")(x))
    model.compile("adam", "mse", jit_compile=False)
    return model


def test_a_step_of_numbers_is_left_alone():
    model = dense_model(keras.layers.Activation("relu"))
    before = model.get_weights()
    assert find_non_finite(model, X, Y) is None
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    model.train_on_batch(X, Y)
    assert int(model.optimizer.iterations) == 1


def test_the_first_layer_that_overflows_is_named():
    found = find_non_finite(dense_model(Exponential(name="boom")), 100 * X, Y)
    assert (found.kind, found.name) == ("activations", "boom")
    assert (found.bad, found.total) == (6, 6)


def test_a_bad_weight_is_named():
    model = dense_model(keras.layers.Activation("relu"))
    bias = model.get_layer("middle").bias
    bias.assign([0.0, np.nan, 0.0])
    found = find_non_finite(model, X, Y)
    assert str(found) == "weights of middle/bias: 1 of 3 not finite"


def test_a_bad_target_is_the_loss():
    model = dense_model(keras.layers.Activation("relu"))
    assert find_non_finite(model, X, Y * np.nan).kind == "loss"
    assert find_non_finite(model, X) is None


def test_the_last_layer_with_a_bad_gradient_is_named():
    # The gradient goes from the last layer to the first: `low` is the first it spoils.
    found = find_non_finite(dense_model(SteepAtZero()), X, Y)
    assert (found.kind, found.name) == ("gradients", "low/kernel")


@pytest.fixture
def run():
    """A model that draws, so that taking a step again takes the same random numbers."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((12,), dtype="int32")
    x = keras.layers.Embedding(259, 4)(inputs)
    outputs = keras.layers.Dense(259)(keras.layers.Dropout(0.1)(x))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss, weighted_metrics=[], jit_compile=False)
    return model


class Batches(keras.utils.PyDataset):
    """Real windows; from the sixth step on a factor spoils the weights of targets."""

    def __getitem__(self, step):
        x, y, weight = CORPUS.training_windows(12, 2, start_step=step)[0]
        return x["token_ids"], y, weight * np.float32(1 if step < 5 else np.inf)

    @property
    def num_batches(self):
        return None


def test_a_run_is_stopped_in_the_step_and_explained(run, tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path, monitor="loss")
    assert checkpoint.restore(run) == 0
    batches = Batches()
    with pytest.raises(NonFiniteError) as raised:
        run.fit(
            batches,
            steps_per_epoch=4,
            epochs=9,
            shuffle=False,
            verbose=0,
            callbacks=[FiniteGuard(), checkpoint],
        )
    assert raised.value.step == 5
    saved = checkpoint.path.read_bytes(), checkpoint.best_path.read_bytes()
    told = explain_non_finite(run, checkpoint, batches.__getitem__, 5)
    assert told.startswith("The first in step 5: loss of the batch")
    assert saved == (checkpoint.path.read_bytes(), checkpoint.best_path.read_bytes())
    assert int(run.optimizer.iterations) == 5
    # What is saved goes on.
    assert checkpoint.restore(run) == 4
    more = run.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)
    assert np.isfinite(more.history["loss"]).all()


def test_an_overflow_inside_a_real_model_is_named_by_its_layer():
    model = small_model("windowed", num_layers=2)
    model.compile("adamw", weighted_metrics=[], jit_compile=False)
    kernel = model.backbone.transformer_layers[1].gate_dense.kernel
    kernel.assign(np.full(kernel.shape, 3e38))
    found = find_non_finite(model, *CORPUS.training_windows(12, 2)[0])
    assert found.kind == "activations"
    assert found.name.endswith("transformer_layer_1/gate")


def test_the_guard_looks_at_its_interval():
    guard = FiniteGuard(interval=3)
    guard.set_model(dense_model(keras.layers.Activation("relu")))
    for batch in range(2):
        guard.on_train_batch_end(batch, {"loss": np.nan})
    with pytest.raises(NonFiniteError, match="step 2 is nan"):
        guard.on_train_batch_end(2, {"loss": np.nan})
    with pytest.raises(ValueError, match="`interval`"):
        FiniteGuard(interval=0)
