"""What heads that find repetitions let a causal Transformer see."""

import numpy as np
import pytest
from keras import ops

from longkeras.evaluation import theoretical_reach
from longkeras.layers import NGramFeatures
from tests.models.small_models import CONTEXT_LENGTH, random_ids, small_model

WINDOWS, HEADS_WINDOW = [3, 6], 20
REACH = (3 - 1) + (6 - 1) + HEADS_WINDOW + (3 - 1)


def logits_at_the_end(model, token_ids):
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    return ops.convert_to_numpy(model(inputs))[:, -1]


@pytest.fixture(name="model")
def _model():
    return small_model(
        "windowed",
        attention_window=WINDOWS,
        ngram_features=NGramFeatures(head_sizes=[2, 3], head_window=HEADS_WINDOW),
    )


def test_a_repetition_beyond_all_windows_is_seen(model):
    text = random_ids(1, 40)
    text[0, -2:] = text[0, 22:24]  # 16 places before, where attention sees 8
    before = logits_at_the_end(model, text)
    text[0, 24] = 3 + (text[0, 24] - 3 + 1) % 256
    assert np.abs(logits_at_the_end(model, text) - before).max() > 1e-3


def test_nothing_beyond_the_reach_is_seen(model):
    assert theoretical_reach(model) == REACH
    text = np.full((1, 40), 7, "int32")
    before = logits_at_the_end(model, text)
    text[0, : 40 - 1 - REACH] = random_ids(1, 40 - 1 - REACH)
    np.testing.assert_array_equal(logits_at_the_end(model, text), before)


def test_full_attention_keeps_no_more_tokens_than_its_texts_have():
    model = small_model("full", ngram_features=NGramFeatures(head_sizes=[2, 5]))
    state = model.initial_state(3, max_length=CONTEXT_LENGTH)
    assert state["recent_tokens"].shape == (3, CONTEXT_LENGTH + 4)
