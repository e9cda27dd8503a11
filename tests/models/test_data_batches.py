"""Texts and labels in the forms that people have them, wherever any are taken."""

from collections.abc import Sequence

import keras
import numpy as np
import pytest

from tests.models.small_tasks import LABELS, TEXTS, bert, language_model, longformer

NAMES = ["animal", "other"]
NAMED = [NAMES[label] for label in LABELS]
quiet = pytest.mark.filterwarnings("ignore:No token was global")


class Column(Sequence):
    """As a column of `datasets`: a sequence, and no array."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index]


class Batches(keras.utils.PyDataset):
    """Batches of two texts with their labels."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(2 * index, 2 * index + 2)
        return TEXTS[rows], NAMED[rows]


def tf_strings(values):
    return pytest.importorskip("tensorflow").constant(values)


def series(values):
    return pytest.importorskip("pandas").Series(values, index=[7, 7, 1, 0])


FORMS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "bytes": lambda x: np.array([each.encode() for each in x]),
    "objects": lambda x: np.array(x, dtype=object),
    "variable strings": lambda x: np.array(x, dtype=np.dtypes.StringDType()),
    "tensor": tf_strings,
    "column": Column,
    "series": series,
}


@pytest.fixture(scope="module")
def classifier():
    """A classifier that training does not change, so that all tests may share it."""
    model = longformer("TextClassifier", num_classes=2, class_names=NAMES)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def expected_loss(classifier):
    return classifier.evaluate(TEXTS, LABELS, verbose=0)[0]


@pytest.fixture(scope="module")
def expected(classifier):
    return classifier.predict(TEXTS, verbose=0)


# What NumPy makes of each is the same array of strings.
SLOW_FORMS = ("tuple", "array", "objects", "variable strings")


def each_of(forms, slow_ones):
    return [
        pytest.param(form, marks=[pytest.mark.slow] if form in slow_ones else [])
        for form in forms
    ]


@pytest.mark.parametrize("form", each_of(FORMS, SLOW_FORMS))
def test_texts_and_names_of_classes_may_be_in_any_form(
    classifier, expected, expected_loss, form
):
    texts, names = FORMS[form](TEXTS), FORMS[form](NAMED)
    np.testing.assert_allclose(classifier.predict(texts, verbose=0), expected, 1e-4)
    history = classifier.fit(texts, names, validation_data=(texts, names), verbose=0)
    assert history.history["val_loss"] == pytest.approx([expected_loss], rel=1e-4)


def batches():
    yield TEXTS[:2], NAMED[:2]
    yield TEXTS[2:], NAMED[2:]


def tf_batches():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((TEXTS, NAMED)).batch(2)


SOURCES = {
    "generator": batches,
    "PyDataset": Batches,
    "tf.data": tf_batches,
    "list of batches in a loader": lambda: Loader(),
}


class Loader:
    """As a `DataLoader` of PyTorch: an iterable of lists of parts."""

    def __len__(self):
        return 2

    def __iter__(self):
        for texts, names in batches():
            yield [tuple(texts), np.array([NAMES.index(name) for name in names])]


class GrainDataset(Column):
    """As a dataset of Grain: a sequence of batches."""

    __module__ = "grain.python"


SOURCES["grain"] = lambda: GrainDataset(list(batches()))


@pytest.mark.parametrize("source", each_of(SOURCES, ("generator", "grain")))
def test_batches_of_texts_come_from_generators_and_datasets(
    classifier, expected, expected_loss, source
):
    make = SOURCES[source]
    np.testing.assert_allclose(classifier.predict(make(), verbose=0), expected, 1e-4)
    steps = int(classifier.optimizer.iterations)
    history = classifier.fit(
        make(), validation_data=make(), class_weight={"animal": 2.0}, verbose=0
    )
    assert history.history["val_loss"] == pytest.approx([expected_loss], rel=1e-4)
    assert int(classifier.optimizer.iterations) == steps + 2


def test_rows_validate_batches_and_batches_validate_rows(classifier, expected_loss):
    history = classifier.fit(
        batches(), validation_data=(Column(TEXTS), NAMED), verbose=0
    )
    assert history.history["val_loss"] == pytest.approx([expected_loss], rel=1e-4)
    history = classifier.fit(TEXTS, NAMED, validation_data=Batches(), verbose=0)
    assert history.history["val_loss"] == pytest.approx([expected_loss], rel=1e-4)
    both = {"validation_data": (TEXTS, NAMED), "validation_split": 0.5}
    history = classifier.fit(TEXTS, NAMED, verbose=0, **both)
    assert history.history["val_loss"] == pytest.approx([expected_loss], rel=1e-4)
    history = classifier.fit(
        series(TEXTS), series(NAMED), validation_split=0.5, verbose=0
    )
    last = classifier.evaluate(TEXTS[2:], NAMED[2:], verbose=0)[0]
    assert history.history["val_loss"] == pytest.approx([last], rel=1e-4)


def test_missing_texts_are_told(classifier):
    pandas = pytest.importorskip("pandas")
    for missing in (None, pandas.NA, float("nan")):
        texts = series([*TEXTS[:3], missing])
        with pytest.raises(ValueError, match=r"`x` must hold texts.* in row 3"):
            classifier.predict(texts)


def test_one_text_is_predicted_as_a_batch_of_one(classifier, expected):
    for text in (TEXTS[0], TEXTS[0].encode(), np.array(TEXTS[0])):
        found = classifier.predict(text, verbose=0)
        np.testing.assert_allclose(found, expected[:1], 1e-4)
    on_batch = classifier.predict_on_batch(TEXTS)
    np.testing.assert_allclose(on_batch, expected, 1e-4)


def test_a_generator_is_not_read_twice(classifier):
    with pytest.raises(ValueError, match=r"`epochs=2` reads.*give `steps_per_epoch`"):
        classifier.fit(batches(), epochs=2)
    with pytest.raises(ValueError, match="`validation_steps`"):
        classifier.fit(TEXTS, NAMED, validation_data=batches(), epochs=2, verbose=0)
    with pytest.raises(ValueError, match="at least one batch"):
        classifier.predict(iter([]))


def singles():
    yield from zip(TEXTS, NAMED, strict=True)


WRONG = {
    "set": (lambda: {"a text"}, "`x` must be texts as a list"),
    "number": (lambda: 7, "`x` must be texts as a list"),
    "single texts": (singles, "Each batch must hold rows"),
    "rows of a dataset": (lambda: iter([{"text": "a"}]), "Each batch must hold rows"),
    "no labels": (lambda: iter([TEXTS]), "learns from targets"),
    "four parts": (lambda: iter([(TEXTS, NAMED, None, None)]), "must hold rows"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_read_is_told_what_to_give(classifier, kind):
    make, why = WRONG[kind]
    with pytest.raises(ValueError, match=why):
        classifier.fit(make())
    with pytest.raises(ValueError, match=r"`sample_weight` must be parts of the batch"):
        classifier.fit(batches(), sample_weight=[1.0])
    with pytest.raises(ValueError, match="`validation_split` needs rows"):
        classifier.fit(batches(), validation_split=0.5)


def test_weights_of_rows_and_of_classes_by_name_agree():
    losses = []
    for options in (
        {"class_weight": {"other": 3.0}},
        {"class_weight": {1: 3.0, 0: 1.0}},
        {"sample_weight": series([1.0 + 2.0 * label for label in LABELS])},
    ):
        keras.utils.set_random_seed(1)
        model = longformer("TextClassifier", num_classes=2, class_names=NAMES)
        history = model.fit(TEXTS, NAMED, shuffle=False, verbose=0, **options)
        losses.append(history.history["loss"][0])
    assert losses[0] == pytest.approx(losses[1]) == pytest.approx(losses[2])


def test_names_of_classes_are_saved(tmp_path):
    for kind, model in {
        "longformer": longformer("TextClassifier", num_classes=2, class_names=NAMES),
        "bert": bert(num_classes=2, class_names=NAMES),
    }.items():
        model.save_to_preset(str(tmp_path / kind))
        again = type(model).from_preset(str(tmp_path / kind))
        again.run_eagerly = True
        assert again.class_names == NAMES
        assert again.test_on_batch(TEXTS, NAMED, return_dict=True)["loss"] > 0
        with pytest.raises(ValueError, match=r"names from `class_names`.*'neither'"):
            again.fit(TEXTS, [*NAMED[:3], "neither"])
    nameless = bert(num_classes=2)
    with pytest.raises(ValueError, match="made with `class_names`"):
        nameless.fit(TEXTS, NAMED)


@pytest.mark.slow
@quiet
def test_words_and_spans_of_different_counts_are_labelled_by_name():
    model = longformer("TokenClassifier", num_classes=2, class_names=NAMES)
    words = [text.split() for text in TEXTS]
    labels = [[NAMES[len(word) > 3] for word in text] for text in words]
    spans = [[(0, 1, "other")], [], [(4, 6, "animal"), (0, 3, "other")], []]
    for x, y in ((words, labels), (TEXTS, spans), ({"words": words}, labels)):
        history = model.fit(x, y, batch_size=2, validation_data=(x, y), verbose=0)
        assert np.isfinite(history.history["val_loss"]).all()
        with pytest.raises(ValueError, match="names from `class_names`"):
            model.fit(x, [[*y[0][:-1], (0, 1, "?")], *y[1:]])
    assert model.predict(words, verbose=0).shape == (4, 16, 2)
    assert model.predict("the dog", verbose=0).shape == (1, 16, 2)


def test_questions_come_as_pairs_dicts_and_in_batches():
    model = longformer("QuestionAnswerer")
    questions = Column(["who ?"] * 4)
    starts = {"answer_start": series([0] * 4)}
    answers = {**starts, "answer_text": tuple(text.split()[0] for text in TEXTS)}
    x = {"question": questions, "context": series(TEXTS)}
    for given in (x, (questions, TEXTS)):
        assert np.isfinite(model.fit(given, answers, verbose=0).history["loss"]).all()
    parts = {name: list(column) for name, column in answers.items()}
    rows = {name: list(column) for name, column in x.items()}
    assert np.isfinite(model.evaluate(iter([(rows, parts)]), verbose=0)).all()
    assert model.train_on_batch(rows, parts, return_dict=True)["loss"] > 0
    one = {"question": "who ?", "context": TEXTS[0]}
    for given in (one, tuple(one.values())):
        found = model.predict(given, verbose=0)
        assert found["start_logits"].shape == (1, 16)


@quiet
@pytest.mark.parametrize(
    "kind", ["lstm", pytest.param("windowed", marks=pytest.mark.slow)]
)
def test_a_language_model_refuses_labels_and_weighs_texts(kind):
    model = language_model(kind)
    texts, weights = ["ab", "cd ef"], np.array([0.0, 2.0])
    with pytest.raises(ValueError, match="`y` must be None: the targets of a language"):
        model.fit(texts, [0, 1])
    with pytest.raises(ValueError, match="`y` must be None"):
        model.evaluate(iter([(texts, [0, 1])]))
    options = {"verbose": 0, "return_dict": True}
    second = model.evaluate(texts[1:], **options)["loss"]
    weighted = model.evaluate(texts, sample_weight=weights, **options)["loss"]
    # A mean over all tokens: one of two texts counts, and twice.
    assert weighted == pytest.approx(second, rel=1e-4)
    assert np.isfinite(model.fit(series(TEXTS), verbose=0).history["loss"]).all()
    assert np.isfinite(model.fit(iter([texts]), verbose=0).history["loss"]).all()


@pytest.mark.slow
@quiet
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_masked_language_models_refuse_labels_and_weigh_texts():
    for model in (longformer("MaskedLM"), bert("MaskedLM")):
        with pytest.raises(ValueError, match="`y` must be None"):
            model.fit(TEXTS, LABELS)
        history = model.fit(Column(TEXTS), sample_weight=[0.0] * 4, verbose=0)
        assert history.history["loss"] == [0.0]


def test_batches_may_differ_in_length():
    model = longformer("TextClassifier", length=None, num_classes=2)
    texts = ["dog", "fox", "dog " * 30, "fox"]

    def growing():
        for start, size in ((0, 1), (1, 1), (2, 2)):
            yield texts[start : start + size]

    found = model.predict(growing(), verbose=0)
    np.testing.assert_allclose(found, model.predict(texts, verbose=0), 1e-3, 1e-4)
