"""`fit` on raw strings: under XLA and without, in half precision, padding left out."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.data import Book, ByteCorpus
from tests.models.small_models import small_model

TEXTS = ["It was the best of times,", "话说天下大势，", "", "a"]
KINDS = ("windowed", "lstm")


def as_arrays(model):
    return [ops.convert_to_numpy(weight) for weight in model.trainable_weights]


def trained(kind, epochs=4, **options):
    """A model after some steps on all texts at once, and its losses."""
    model = small_model(kind, num_layers=1, sequence_length=16)
    model.compile(keras.optimizers.SGD(0.3), weighted_metrics=[], **options)
    history = model.fit(
        TEXTS, batch_size=len(TEXTS), epochs=epochs, shuffle=False, verbose=0
    )
    return model, history.history["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_fit_on_strings_learns_equally_with_and_without_xla(kind):
    plain, losses = trained(kind, jit_compile=False)
    compiled, compiled_losses = trained(kind, jit_compile=True)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, compiled_losses, rtol=1e-4)
    for one, other in zip(as_arrays(plain), as_arrays(compiled), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_fit_in_half_precision_stays_finite(kind):
    model = small_model(kind, dtype="mixed_bfloat16", num_layers=1, sequence_length=16)
    model.compile(keras.optimizers.Adam(0.01), weighted_metrics=[])
    before = as_arrays(model)
    history = model.fit(TEXTS, batch_size=2, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = as_arrays(model)
    assert {str(weight.dtype) for weight in after} == {"float32"}
    assert all(np.isfinite(weight).all() for weight in after)
    assert all((one != old).any() for one, old in zip(after, before, strict=True))


def test_fit_takes_ready_batches_past_the_preprocessor():
    corpus = ByteCorpus([Book("one", "en", "It was the best of times. " * 20)], seed=1)
    model = small_model("lstm", num_layers=1)
    model.compile("sgd", weighted_metrics=[], jit_compile=False)
    history = model.fit(
        corpus.training_windows(16, 2), steps_per_epoch=2, epochs=1, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


def test_predict_on_strings_gives_logits():
    model = small_model("windowed", num_layers=1, sequence_length=16)
    logits = model.predict(TEXTS, verbose=0)
    assert logits.shape == (len(TEXTS), 16, 259)
    x, _, _ = model.preprocessor(TEXTS)
    np.testing.assert_allclose(logits, ops.convert_to_numpy(model(x)), atol=2e-5)
