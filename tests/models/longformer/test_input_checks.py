"""Inputs and parts that cannot be meant are refused, and told what they must be."""

import numpy as np
import pytest

from longkeras.models import (
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTextClassifierPreprocessor,
    LongformerTokenClassifier,
    LongformerTokenizer,
    RecurrentBackbone,
)
from tests.models.longformer.small_longformer import small_backbone

IDS = np.full((2, 9), 7)
ONES = np.ones((2, 9))
WRONG = {
    "rows of different length": ({"token_ids": [[1, 2], [1]]}, "one length: pad them"),
    "one text alone": ({"token_ids": IDS[0]}, r"`\(batch, sequence\)`.*shape \(9,\)"),
    "no text": ({"token_ids": IDS[:0]}, "at least one text"),
    "no token": ({"token_ids": IDS[:, :0]}, "at least one token"),
    "halves": ({"token_ids": IDS + 0.5}, "whole numbers.*float64"),
    "words": ({"token_ids": IDS.astype(str)}, "whole numbers; strings need a model"),
    "a strange id": ({"token_ids": IDS + 40}, "less than 40, the backbone's"),
    "a short mask": ({"padding_mask": ONES[:, 1:]}, r"`padding_mask`.*shape \(2, 8\)"),
    "a mask for all": ({"padding_mask": ONES[:1]}, r"`padding_mask`.*shape \(1, 9\)"),
    "a flat mask": ({"global_attention_mask": ONES[0]}, "`global_attention_mask` must"),
    "2 for global": ({"padding_mask": ONES + 1}, "1 or 0.*values"),
    "a mask to add": ({"padding_mask": ONES * -1e9}, "1 or 0.*values"),
    "two segments": ({"segment_ids": ONES}, "less than 1, the backbone's"),
}
PARTS = (
    (LongformerTextClassifier, (2,)),
    (LongformerTokenClassifier, (2,)),
    (LongformerQuestionAnswerer, ()),
    (LongformerMaskedLM, ()),
)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_before_anything_runs(backbone, name):
    given, why = WRONG[name]
    with pytest.raises(ValueError, match=why):
        backbone.complete({"token_ids": IDS, **given})


def test_whole_numbers_of_any_kind_are_ids(backbone):
    given = backbone.complete({"token_ids": IDS.astype(float), "padding_mask": ONES})
    np.testing.assert_array_equal(given["token_ids"], IDS)


def test_prediction_refuses_them_too(backbone):
    model = LongformerTextClassifier(backbone, 2)
    for call in (model, model.predict):
        with pytest.raises(ValueError, match="`padding_mask` must"):
            call({"token_ids": IDS, "padding_mask": ONES[:, 1:]})
        with pytest.raises(ValueError, match="strings need a model"):
            call(["a text"])
    for texts in ("a text", ["a text"], np.array(["a text"])):
        with pytest.raises(ValueError, match="a folder with a tokenizer"):
            model.fit(texts, [0])


def test_a_mask_behind_the_text_is_refused(backbone):
    model = LongformerMaskedLM(backbone)
    with pytest.raises(ValueError, match="less than 9, the length of the texts"):
        model({"token_ids": IDS, "mask_positions": np.array([[1], [9]])})
    with pytest.raises(ValueError, match="`mask_positions` must"):
        model({"token_ids": IDS, "mask_positions": np.array([[1]])})


@pytest.mark.parametrize(("kind", "arguments"), PARTS)
@pytest.mark.parametrize("wrong", [None, "base", RecurrentBackbone])
def test_a_task_needs_a_longformer(kind, arguments, wrong):
    if wrong is RecurrentBackbone:
        wrong = RecurrentBackbone(vocabulary_size=10, num_layers=1, hidden_dim=4)
    with pytest.raises(ValueError, match=r"`backbone` must be a.*convert_to_long"):
        kind(wrong, *arguments)


def test_parts_of_another_kind_are_refused(backbone):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {token: i for i, token in enumerate(special)}
    tokenizer = LongformerTokenizer.from_byte_pair(vocabulary, [])
    with pytest.raises(ValueError, match="`preprocessor` must be one of"):
        LongformerTextClassifier(backbone, 2, tokenizer)
    with pytest.raises(ValueError, match="`tokenizer` must be a"):
        LongformerTextClassifierPreprocessor("roberta")
    with pytest.raises(ValueError, match="`class_names` must be a list"):
        LongformerTextClassifier(backbone, 2, class_names="ab")


def test_a_tokenizer_of_another_model_is_told():
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(40))]
    tokenizer = LongformerTokenizer.from_word_piece(names)
    model = LongformerTextClassifier(
        small_backbone(), 2, LongformerTextClassifierPreprocessor(tokenizer)
    )
    with pytest.raises(ValueError, match="45 tokens, and the embedding rows for 40"):
        model.predict(["1 2 3"])


def test_what_is_no_text_and_no_class_is_told_before_training():
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(35))]
    tokenizer = LongformerTokenizer.from_word_piece(names)
    model = LongformerTextClassifier(
        small_backbone(), 2, LongformerTextClassifierPreprocessor(tokenizer)
    )
    wrong = {
        "at least one text": [],
        "None in row 1": ["1", None],
        "3 in row 0": [3],
    }
    for why, texts in wrong.items():
        with pytest.raises(ValueError, match=why):
            model.predict(texts)
    with pytest.raises(ValueError, match="list of texts, also of one"):
        model.fit("1 2", [0])
    texts = ["1", "2"]
    for labels, why in ((None, "`y` must be given"), ([0], "one row for each text")):
        with pytest.raises(ValueError, match=why):
            model.fit(texts, labels)
        with pytest.raises(ValueError, match=why):
            model.evaluate(texts, labels)
    classes = {
        "labels from 0 to 2": [0, 2],
        "labels from -1 to 1": [-1, 1],
        "float64, from 0.5 to 1": [0.5, 1],
        "labels of dtype <U1": ["a", "b"],
        "one class a text": np.eye(2),
    }
    for why, labels in classes.items():
        with pytest.raises(ValueError, match=why):
            model.fit(texts, labels)
        with pytest.raises(ValueError, match=why):
            model.evaluate(texts, labels)
        with pytest.raises(ValueError, match=why):
            model.fit(texts, [0, 1], validation_data=(texts, labels))


def test_labels_of_words_and_spans_are_classes_too(backbone):
    model = LongformerTokenClassifier(backbone, 3)
    tf = pytest.importorskip("tensorflow")
    for labels in (
        [[0, 3], [1]],
        np.array([[0, 3]]),
        tf.ragged.constant([[0, 3], [1]]),
        [[(0, 4, 3)], []],
    ):
        with pytest.raises(ValueError, match=r"labels from . to 3"):
            model.checked_targets(labels)
    model.checked_targets([[(0, 9, 2)], []])
    model.compile(loss="mse")
    model.checked_targets([[7.5]])


def test_a_misspelt_argument_is_refused(backbone):
    with pytest.raises(ValueError, match=r"nearest is `attention_window`.*windows=4"):
        small_backbone(attention_windows=4)
    with pytest.raises(ValueError, match="`droput` is no argument of LongformerText"):
        LongformerTextClassifier(backbone, 2, droput=0.0)
    with pytest.raises(ValueError, match="nearest is `hidden_dim`"):
        RecurrentBackbone(10, 1, 4, hidden_dims=4)
    with pytest.raises(ValueError, match=r"it takes vocabulary_size, .*zzz=4"):
        RecurrentBackbone(10, 1, 4, zzz=4)
