"""The rules for global tokens."""

import numpy as np
import pytest
from keras import ops

from longkeras.models import LongformerQuestionAnswerer, LongformerTokenizer
from longkeras.models.longformer.global_tokens import before_first, first_token
from tests.models.longformer.small_longformer import small_backbone

TOKEN_IDS = np.array(
    [
        [0, 7, 8, 2, 2, 9, 9, 2],  # <s> question </s></s> text </s>
        [0, 7, 2, 9, 9, 2, 1, 1],  # one separator between
        [0, 7, 8, 9, 9, 9, 9, 9],  # none
        [2, 7, 8, 9, 2, 9, 9, 2],  # nothing before it
    ]
)
QUESTIONS = np.array(
    [
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
)


def test_the_question_is_what_stands_before_the_first_separator():
    found = before_first(ops.convert_to_tensor(TOKEN_IDS), separator_id=2)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), QUESTIONS)


@pytest.mark.parametrize("shape", [(3, 1), (1, 5), (2, 0)])
def test_the_first_token_is_the_first_column(shape):
    found = ops.convert_to_numpy(first_token(ops.zeros(shape, "int32")))
    assert found.shape == shape
    np.testing.assert_array_equal(found, np.arange(shape[1])[None] + 0 * found == 0)


def test_the_separator_is_that_of_the_tokenizer():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = LongformerTokenizer.from_word_piece(vocabulary)
    preprocessor = LongformerQuestionAnswerer.preprocessor_cls(tokenizer)
    backbone = small_backbone(num_layers=1, attention_window=4)
    assert LongformerQuestionAnswerer(backbone, preprocessor).separator_id == 3
    assert LongformerQuestionAnswerer(backbone).separator_id == 2
