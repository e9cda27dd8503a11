"""Losses and metrics that nobody named fit each other and the targets."""

import keras
import numpy as np
import pytest

from tests.models.small_tasks import LABELS, TEXTS, bert, longformer

NAMES = ["calm", "loud", "old"]
COLUMNS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
BY_NAME = [["calm", "old"], [], list(NAMES), ["loud"]]
FAMILIES = {
    "longformer": lambda **options: longformer("TextClassifier", **options),
    "bert": lambda **options: bert(**options),
}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(FAMILIES["longformer"], id="longformer"),
        pytest.param(FAMILIES["bert"], id="bert", marks=pytest.mark.slow),
    ],
)
def test_a_sigmoid_learns_several_classes_of_a_text_from_strings(make):
    model = make(num_classes=3, activation="sigmoid", class_names=NAMES)
    assert isinstance(model.loss, keras.losses.BinaryCrossentropy)
    history = model.fit(TEXTS, COLUMNS, verbose=0).history
    assert sorted(history) == ["binary_accuracy", "loss"]
    options = {"verbose": 0, "return_dict": True}
    found = model.evaluate(TEXTS, BY_NAME, **options)
    assert found == pytest.approx(model.evaluate(TEXTS, COLUMNS, **options))
    probabilities = model.predict(TEXTS, verbose=0)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    accuracy = ((probabilities > 0.5) == COLUMNS).mean()
    assert found["binary_accuracy"] == pytest.approx(accuracy)
    assert found["loss"] == pytest.approx(
        -np.log(np.where(COLUMNS, probabilities, 1 - probabilities)).mean(), rel=1e-4
    )


def test_the_metric_fits_a_loss_that_is_given():
    # As many texts as classes: a sparse accuracy would take columns for labels.
    texts, columns = TEXTS[:3], COLUMNS[:3]
    model = longformer("TextClassifier", num_classes=3)
    losses = {
        "binary_accuracy": (keras.losses.BinaryCrossentropy(from_logits=True), columns),
        "categorical_accuracy": ("categorical_crossentropy", np.eye(3)),
        "sparse_categorical_accuracy": ("sparse_categorical_crossentropy", [0, 1, 2]),
    }
    logits = model.predict(texts, verbose=0)
    for name, (loss, targets) in losses.items():
        model.compile("sgd", loss, run_eagerly=True)
        found = model.evaluate(texts, targets, verbose=0, return_dict=True)
        assert sorted(found) == sorted([name, "loss"])
        if name == "binary_accuracy":
            expected = ((logits > 0) == columns).mean()
        else:
            expected = (logits.argmax(axis=1) == np.arange(3)).mean()
        assert found[name] == pytest.approx(expected)
    model.compile("sgd", "mse", run_eagerly=True)
    assert list(model.evaluate(texts, columns, verbose=0, return_dict=True)) == ["loss"]


def test_columns_of_classes_must_fit():
    model = longformer("TextClassifier", num_classes=3, activation="sigmoid")
    wrong = {
        "one column for each of 3 classes.*shape": LABELS,
        "one column for each of 3 classes": COLUMNS[:, :2],
        "values from 0 to 1.*from 0 to 2": COLUMNS * 2,
        "one column for each of 3 classes.* shape": [[0, 2], [1], [], [2]],
    }
    for why, y in wrong.items():
        with pytest.raises(ValueError, match=why):
            model.fit(TEXTS, y)
    with pytest.raises(ValueError, match="one column for each of 3 classes"):
        model.train_on_batch(TEXTS, LABELS)
    with pytest.raises(ValueError, match="`class_weight` is for a model"):
        model.fit(TEXTS, COLUMNS, class_weight={0: 1.0})


def test_one_class_is_no_choice():
    model = longformer("TextClassifier", num_classes=1)
    assert model.predict(TEXTS, verbose=0).shape == (4, 1)
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match="`num_classes=1` does not fit a loss"):
            call(TEXTS, [0] * 4)
    for loss in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        with pytest.raises(ValueError, match=f"`num_classes=1` .*loss={loss}"):
            model.compile(loss=loss)
    model.compile(loss="mse", run_eagerly=True)
    assert list(model.fit(TEXTS, [0.5] * 4, verbose=0).history) == ["loss"]
    yes_or_no = longformer("TextClassifier", num_classes=1, activation="sigmoid")
    history = yes_or_no.fit(TEXTS, LABELS, verbose=0).history
    assert sorted(history) == ["binary_accuracy", "loss"]


@pytest.mark.slow
def test_a_model_of_one_class_loads(tmp_path):
    model = longformer("TextClassifier", num_classes=1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0), 1e-4
    )


def test_softmax_outputs_are_not_taken_for_logits():
    model = longformer("TextClassifier", num_classes=2, activation="softmax")
    loss = model.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)["loss"]
    probabilities = model.predict(TEXTS, verbose=0)[np.arange(4), LABELS]
    assert loss == pytest.approx(-np.log(probabilities).mean(), rel=1e-4)


@pytest.mark.filterwarnings("ignore:No token was global")
def test_tokens_and_answers_have_metrics_that_fit_too():
    tagger = longformer("TokenClassifier", num_classes=3)
    answerer = longformer("QuestionAnswerer")
    for model in (tagger, answerer):
        model.preprocessor = None
    ids = {"token_ids": np.full((2, 9), 7)}
    with pytest.raises(ValueError, match="`num_classes=1` does not fit"):
        one = longformer("TokenClassifier", num_classes=1)
        one.fit(["the dog"], [[(0, 3, 0)]])
    tagger.compile("sgd", keras.losses.BinaryCrossentropy(True), run_eagerly=True)
    history = tagger.fit(ids, np.ones((2, 9, 3)), verbose=0).history
    assert sorted(history) == ["binary_accuracy", "loss"]
    answerer.compile("sgd", "categorical_crossentropy", run_eagerly=True)
    targets = dict.fromkeys(("start_logits", "end_logits"), np.eye(9)[:2])
    found = answerer.evaluate(ids, targets, verbose=0, return_dict=True)
    assert {"start_logits_accuracy", "end_logits_accuracy"} < set(found)
