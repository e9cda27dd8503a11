"""Tasks of the family train and predict on strings, and keep their vocabulary."""

import keras
import numpy as np
import pytest

from longkeras import models
from tests.models.longformer.small_preprocessors import VOCABULARY, preprocessor

TEXTS = ["the dog", "a fox is it ?", "who is the longer dog", "中文"]


def task(name, **arguments):
    backbone = models.LongformerBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        attention_window=4,
        max_sequence_length=64,
        num_segments=2,
        padding_id=0,
    )
    model = getattr(models, f"Longformer{name}")(
        backbone,
        preprocessor=preprocessor(name, max_sequence_length=64),
        **arguments,
    )
    # Eagerly: what is tried here is what comes in, and compiling takes long.
    model.compile(run_eagerly=True)
    return model


def losses(model, *data):
    return model.fit(*data, batch_size=2, verbose=0).history["loss"]


def test_texts_and_pairs_are_classified():
    model = task("TextClassifier", num_classes=2)
    assert np.isfinite(losses(model, TEXTS, [0, 1, 0, 1])).all()
    pairs = {"first": TEXTS, "second": TEXTS}
    assert model.predict(pairs, verbose=0).shape == (4, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No token was global")
def test_masks_are_filled():
    assert np.isfinite(losses(task("MaskedLM"), TEXTS)).all()


@pytest.mark.slow
def test_answers_are_found_in_windows():
    model = task("QuestionAnswerer", separator_id=3)
    x = {"question": ["who ?"] * 4, "context": TEXTS}
    y = {"answer_start": [0] * 4, "answer_text": [text.split()[0] for text in TEXTS]}
    assert np.isfinite(losses(model, x, y)).all()
    windows = model.preprocessor.windows("who ?", "the dog is a fox " * 40)
    assert len(windows) > 3
    logits = model.predict(windows.inputs, batch_size=2, verbose=0)
    assert logits["start_logits"].shape == windows.offsets.shape[:2]
    best = model.preprocessor.answers(windows, logits)[0]
    assert best.text == windows.text[best.start : best.end] != ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No token was global")
def test_words_are_labelled():
    tf = pytest.importorskip("tensorflow")
    model = task("TokenClassifier", num_classes=3)
    words = tf.ragged.constant([text.split() for text in TEXTS])
    labels = tf.ragged.constant([[1] * len(text.split()) for text in TEXTS])
    assert np.isfinite(losses(model, words, labels)).all()
    assert model.predict(TEXTS, verbose=0).shape == (4, 64, 3)


def test_texts_are_trained_on_in_an_order_that_is_drawn_with_their_labels():
    model, texts = task("TextClassifier", num_classes=8), sorted(VOCABULARY[5:13])
    expected = {model.preprocessor(x)["token_ids"][1]: i for i, x in enumerate(texts)}
    taken = []

    def noted(x=None, y=None, *args, **options):
        taken.extend(zip(np.array(x["token_ids"])[:, 1], np.array(y), strict=True))
        return compute_loss(x, y, *args, **options)

    compute_loss, model.compute_loss = model.compute_loss, noted
    model.fit(texts, list(range(8)), batch_size=4, verbose=0)
    assert {(token, expected[token]) for token in expected} == set(taken)
    labels = [int(label) for _, label in taken]
    assert sorted(labels) == list(range(8)) != labels


def test_a_longer_model_reads_longer_texts_with_the_same_tokenizer():
    model = task("TextClassifier", num_classes=2)
    longer = model.extend_positions(100)
    inputs = longer.preprocessor(["the dog " * 40])
    assert inputs["padding_mask"].sum() == 82
    assert longer.preprocessor.tokenizer is model.preprocessor.tokenizer
    assert model.preprocessor.max_sequence_length == 64
    model.backbone.enable_lora(2)
    with pytest.raises(ValueError, match="must come before `enable_lora`"):
        model.extend_positions(100)
    with pytest.raises(ValueError, match=r"`rank` must be an int.*rank=0"):
        longer.backbone.enable_lora(0)


def test_a_preset_in_mixed_precision_comes_back_in_that_of_keras(tmp_path):
    backbone = task("MaskedLM").backbone
    config = {**backbone.get_config(), "dtype": "mixed_bfloat16"}
    models.LongformerBackbone.from_config(config).save_to_preset(str(tmp_path))
    loaded = models.LongformerBackbone.from_preset(str(tmp_path))
    assert loaded.dtype_policy.name == keras.config.dtype_policy().name
    kept = models.LongformerBackbone.from_preset(str(tmp_path), dtype="mixed_bfloat16")
    assert kept.dtype_policy.name == "mixed_bfloat16"
