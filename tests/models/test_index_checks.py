"""Whatever indexes a table is compared with it first, wherever it comes from."""

import keras
import numpy as np
import pytest

from tests.models.small_tasks import LABELS, TEXTS, bert, language_model, longformer

IDS = np.full((2, 9), 7)
LABELS_OF_ROWS = np.array([0, 1])


def without_preprocessor(model):
    model.preprocessor = None
    return model


FAMILIES = {
    "longformer": lambda: longformer("TextClassifier", num_classes=2),
    "bert": lambda: bert(num_classes=2),
    "lstm": lambda: language_model("lstm"),
    "windowed": lambda: language_model("windowed"),
    "ngram_heads": lambda: language_model("ngram_heads"),
}


@pytest.fixture(scope="module")
def models():
    return {name: without_preprocessor(make()) for name, make in FAMILIES.items()}


@pytest.fixture(scope="module")
def classifier():
    return longformer("TextClassifier", num_classes=2, class_names=["animal", "other"])


def tf_dataset(*parts):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(parts[0] if len(parts) == 1 else parts)


class Batches(keras.utils.PyDataset):
    """One batch again and again."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.batch


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shift", [-8, 400])
def test_an_id_beyond_the_embedding_is_refused_in_every_call(models, family, shift):
    model = models[family]
    ids = IDS.copy()
    ids[1, 4] += shift
    inputs = {"token_ids": ids}
    tensor = {"token_ids": keras.ops.convert_to_tensor(ids)}
    calls = (
        lambda: model(inputs),
        lambda: model(tensor),
        lambda: model.backbone(tensor),
        lambda: model.predict(inputs),
        lambda: model.predict(tensor),
        lambda: model.predict_on_batch(inputs),
        lambda: model.predict(tf_dataset(inputs).batch(2), verbose=0),
        lambda: model.predict(Batches(inputs), verbose=0),
        lambda: model.predict(iter([inputs]), verbose=0),
        lambda: model.train_on_batch(inputs, LABELS_OF_ROWS),
        lambda: model.fit(Batches((inputs, LABELS_OF_ROWS)), verbose=0),
        lambda: model.evaluate(iter([(inputs, LABELS_OF_ROWS)]), verbose=0),
    )
    for number, call in enumerate(calls):
        with pytest.raises(ValueError, match=r"`token_ids` must be .*vocabulary_size"):
            call()
            pytest.fail(f"call {number} read an id that has no row")


@pytest.mark.parametrize("kind", ["lstm", "windowed"])
def test_decoding_compares_ids_with_the_embedding(models, kind):
    model = models[kind]
    ids, mask = IDS + 400, np.ones_like(IDS)
    calls = (
        lambda state: model.prefill(ids, mask, state),
        lambda state: model.compiled_prefill(ids, mask, state),
        lambda state: model.step(ids[:, 0], state),
        lambda state: model.compiled_step(ids[:, 0], state),
        lambda _: model.generate(
            {"token_ids": ids, "padding_mask": mask}, stop_token_ids=None
        ),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"`token_ids` must be .*259"):
            call(model.initial_state(2))


@pytest.mark.parametrize("kind", ["lstm", "bert"])
def test_a_tokenizer_of_more_tokens_than_the_embedding_is_refused(kind):
    if kind == "bert":
        model = bert(num_classes=2, backbone={"vocabulary_size": 10})
        calls = [lambda: model.predict(TEXTS), lambda: model.fit(TEXTS, LABELS)]
    else:
        model = language_model(kind)
        model.backbone.vocabulary_size = 100
        calls = [
            lambda: model.generate("ab", max_length=5),
            lambda: next(model.stream("ab")),
            lambda: model.fit(TEXTS),
        ]
    for call in calls:
        with pytest.raises(ValueError, match=r"The tokenizer has .* tokens"):
            call()


def test_segments_of_pairs_need_an_embedding_each():
    pairs = {"first": TEXTS, "second": TEXTS}
    model = longformer("TextClassifier", num_classes=2, backbone={"num_segments": 1})
    batches = tf_dataset(pairs).batch(2)
    for call in (model.predict, model.predict_on_batch):
        for x in (pairs, batches) if call == model.predict else (pairs,):
            with pytest.raises(ValueError, match=r"`segment_ids` must .*than 1, the"):
                call(x)
    again = without_preprocessor(bert(num_classes=2))
    with pytest.raises(ValueError, match=r"`segment_ids` must .*than 2, the"):
        again({"token_ids": IDS, "segment_ids": IDS})


def test_a_text_longer_than_the_position_table_is_refused():
    model = bert(num_classes=2, length=40)
    with pytest.raises(ValueError, match=r"at most 32 tokens.*`sequence_length=32`"):
        model.predict(TEXTS)
    with pytest.raises(ValueError, match="at most 32 tokens"):
        model.backbone({"token_ids": np.full((1, 40), 7)})


@pytest.mark.parametrize(
    "label", [pytest.param(-1, marks=pytest.mark.slow_on("tensorflow")), 2]
)
def test_a_label_beyond_the_classes_is_refused_in_every_call(classifier, label):
    labels = [0, 1, 1, label]
    calls = (
        lambda: classifier.fit(TEXTS, labels),
        lambda: classifier.fit(tf_dataset(TEXTS, labels).batch(2), verbose=0),
        lambda: classifier.fit(iter([(TEXTS, labels)]), verbose=0),
        lambda: classifier.fit(Batches((TEXTS, labels)), verbose=0),
        lambda: classifier.fit(TEXTS, LABELS, validation_data=(TEXTS, labels)),
        lambda: classifier.evaluate(tf_dataset(TEXTS, labels).batch(2), verbose=0),
        lambda: classifier.train_on_batch(TEXTS, labels),
        lambda: classifier.test_on_batch(TEXTS, labels),
    )
    for call in calls:
        with pytest.raises(ValueError, match="`y` must hold labels from 0 to 1"):
            call()


def test_labels_of_tokens_and_positions_are_compared_too(models):
    tagger = without_preprocessor(longformer("TokenClassifier", num_classes=3))
    answerer = without_preprocessor(longformer("QuestionAnswerer"))
    inputs = {"token_ids": IDS}
    ends = {"start_logits": np.array([0, 9]), "end_logits": np.array([0, 1])}
    wrong = (
        (tagger, IDS - 4, "`y` must hold labels from 0 to 2"),
        (answerer, ends, "`start_logits` must hold labels from 0 to 8: .*positions"),
        (models["lstm"], IDS + 400, "`y` must hold labels from 0 to 258"),
    )
    for model, y, why in wrong:
        for call in (model.fit, model.train_on_batch, model.test_on_batch):
            with pytest.raises(ValueError, match=why):
                call(inputs, y)


@pytest.mark.filterwarnings("ignore:No token was global")
def test_a_label_that_the_loss_leaves_out_is_no_class():
    model = without_preprocessor(longformer("TokenClassifier", num_classes=3))
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-100)
    model.compile("sgd", loss, weighted_metrics=[], run_eagerly=True)
    labels = np.where(IDS == 7, 2, 0)
    labels[:, 0] = -100
    for data in ((IDS, labels), (tf_dataset({"token_ids": IDS}, labels).batch(2),)):
        x = {"token_ids": IDS} if len(data) == 2 else data[0]
        history = model.fit(x, *data[1:], verbose=0)
        assert np.isfinite(history.history["loss"]).all()
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        model.fit({"token_ids": IDS}, labels - 1, verbose=0)


def test_keys_of_class_weight_are_classes(classifier):
    for key in (2, -1, "neither", 0.5, True):
        with pytest.raises(ValueError, match=r"keys of `class_weight` must be classes"):
            classifier.fit(TEXTS, LABELS, class_weight={key: 2.0})
    with pytest.raises(ValueError, match="must be a dict"):
        classifier.fit(TEXTS, LABELS, class_weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="`class_weight` is for a model"):
        longformer("QuestionAnswerer").fit(
            {"question": TEXTS, "context": TEXTS},
            {"answer_start": [0] * 4, "answer_end": [1] * 4},
            class_weight={0: 1.0},
        )


@pytest.mark.slow_on("tensorflow")
def test_a_traced_call_is_not_looked_at():
    model = without_preprocessor(longformer("TextClassifier", num_classes=2))
    if keras.backend.backend() == "jax":
        import jax

        found = jax.jit(lambda x: model({"token_ids": x}))(IDS + 400)
        assert np.isnan(np.asarray(found)).all()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with pytest.raises(tf.errors.InvalidArgumentError, match="indices"):
            tf.function(lambda x: model({"token_ids": x}))(tf.constant(IDS + 400))
