"""What recurrent models alone have: documents, AWD-LSTM's dropout, given embeddings."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import RecurrentBackbone
from tests.models.small_models import random_ids, small_model

AWD_LSTM = {
    "embedding_dropout": 0.25,
    "input_dropout": 0.25,
    "dropout": 0.25,
    "output_dropout": 0.25,
    "weight_dropout": 0.25,
    "locked_dropout": True,
    "activation_penalty": 2.0,
    "slowness_penalty": 1.0,
    "seed": 1,
}


def as_array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn", "lstm_ngrams"])
def test_packed_documents_read_as_if_they_stood_alone(kind):
    model, token_ids = small_model(kind), random_ids(2, 9)
    document_ids = np.array([[0] * 4 + [1] * 5, [7] * 9])
    logits = as_array(model({"token_ids": token_ids, "document_ids": document_ids}))
    first, second, whole = (
        as_array(model({"token_ids": part, "document_ids": None}))
        for part in (token_ids[:, :4], token_ids[:, 4:], token_ids)
    )
    np.testing.assert_allclose(logits[0, :4], first[0], atol=1e-5)
    np.testing.assert_allclose(logits[0, 4:], second[0], atol=1e-5)
    np.testing.assert_allclose(logits[1], whole[1], atol=1e-5)


@pytest.mark.slow
def test_a_model_learns_packed_documents_with_everything_that_drops():
    model, token_ids = small_model("lstm", **AWD_LSTM), random_ids(4, 6)
    document_ids = np.tile([0, 0, 0, 1, 1, 1], (4, 1))
    model.preprocessor = None
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    before = [as_array(weight) for weight in model.trainable_weights]
    inputs = {"token_ids": token_ids, "document_ids": document_ids}
    history = model.fit(inputs, token_ids, batch_size=2, verbose=0).history
    # The penalties of hidden states beside what the tokens cost.
    evaluated = model.evaluate(inputs, token_ids, verbose=0)
    assert np.isfinite(history["loss"]).all() and np.isfinite(evaluated).all()
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (as_array(weight) != old).any(), weight.path
    predicted = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(predicted, as_array(model(inputs)), atol=1e-5)


def test_penalties_count_in_training_alone():
    backbone = small_model("gru", activation_penalty=2.0).backbone
    inputs = {"token_ids": random_ids(2, 5)}
    outputs = as_array(backbone(inputs, training=True))
    loss = float(sum(backbone.losses))
    assert loss == pytest.approx(2.0 * np.mean(outputs**2), rel=1e-4)
    backbone(inputs)
    assert not backbone.losses


def test_unknown_inputs_are_named():
    with pytest.raises(ValueError, match=r"`inputs` must be a dict with `token_ids`"):
        small_model("gru").backbone({"token_ids": random_ids(1, 2), "colour": 1})


def test_given_embeddings_stay_where_they_are_frozen():
    backbone = RecurrentBackbone(259, 1, 4, trainable_embeddings=False)
    embeddings = np.random.default_rng(0).normal(size=(259, 4)).astype("float32")
    backbone.set_embeddings(embeddings)
    found = as_array(backbone.token_embedding(np.arange(259)))
    np.testing.assert_array_equal(found, embeddings)
    assert not [w for w in backbone.trainable_weights if "embedding" in w.path]
    with pytest.raises(
        ValueError, match=r"`embeddings` must have the shape \(259, 4\)"
    ):
        backbone.set_embeddings(embeddings[1:])


# Keras says so of every layer that has no product to quantize, inputs included.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_eight_bits_reach_the_embedding_and_the_head(tmp_path):
    model, token_ids = small_model("lstm"), random_ids(2, 6)
    before = as_array(model({"token_ids": token_ids}))
    model.quantize("int8")
    after = as_array(model({"token_ids": token_ids}))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
    assert model.backbone.token_embedding.embeddings.dtype == "int8"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_array(loaded({"token_ids": token_ids})), after)


def test_a_model_lives_in_bfloat16_alone():
    model = small_model("lstm", dtype="bfloat16")
    logits = model({"token_ids": random_ids(1, 4)})
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
