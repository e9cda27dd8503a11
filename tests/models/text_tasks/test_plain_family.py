"""A family without segment ids and without global tokens."""

from longkeras.models import ExactBertBackbone, LongformerTokenizer
from longkeras.models.text_tasks.text_classifier import (
    TextClassifierPreprocessor,
)
from longkeras.models.text_tasks.token_classifier import (
    TokenClassifierPreprocessor,
)
from tests.models.longformer.small_preprocessors import ids, tokenizer

PARTS = {"backbone_cls": ExactBertBackbone, "tokenizer_cls": LongformerTokenizer}


def test_rows_hold_the_inputs_of_their_family_alone():
    kind = type("Texts", (TextClassifierPreprocessor,), PARTS)
    found = kind(tokenizer(), sequence_length=6)(["who is it"])
    assert sorted(found) == ["padding_mask", "token_ids"]


def test_labels_of_ids_need_no_segment_ids():
    kind = type("Words", (TokenClassifierPreprocessor,), PARTS)
    x = {"token_ids": [[2, *ids("who is it"), 3]]}
    x, y, weights = kind(tokenizer(), sequence_length=6)(x, [[0, 1, 2, 1, 0]])
    assert sorted(x) == ["padding_mask", "token_ids"]
    assert y.tolist() == [[0, 1, 2, 1, 0, 0]]
    assert weights.tolist() == [[1, 1, 1, 1, 1, 0]]
