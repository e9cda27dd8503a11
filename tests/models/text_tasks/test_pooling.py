"""Pooling of the hidden states by text classifiers."""

import numpy as np
import pytest
from keras import ops

from longkeras.models.text_tasks.heads import pool
from tests.models.small_tasks import bert, longformer

TOKEN_IDS = np.arange(5, 17).reshape(2, 6).astype("int32")
PADDING_MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]], "int32")
INPUTS = {"token_ids": TOKEN_IDS, "padding_mask": PADDING_MASK}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_mean_leaves_out_padding_and_is_zero_without_tokens(dtype):
    states = ops.cast(np.random.default_rng(0).normal(size=(3, 6, 4)), dtype)
    mask = np.concatenate([PADDING_MASK, np.zeros((1, 6), "int32")])
    exact = ops.convert_to_numpy(ops.cast(states, "float32"))
    expected = [exact[0].mean(axis=0), exact[1, :3].mean(axis=0), np.zeros(4)]
    poisoned = ops.where(mask[..., None] != 0, states, ops.cast(np.nan, dtype))
    found = pool(poisoned, ops.convert_to_tensor(mask), "mean")
    assert found.dtype == states.dtype
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    tolerance = 1e-6 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("make", [longformer, bert])
def test_a_classifier_reads_the_mean_of_the_hidden_states(make):
    model = make("TextClassifier", num_classes=3, pooling="mean")
    inputs = dict(INPUTS)
    if make is longformer:
        # The first token remains global.
        inputs["global_attention_mask"] = np.eye(6, dtype="int32")[[0, 0]]
    states = ops.convert_to_numpy(model.backbone(inputs)["sequence_output"])
    means = np.stack([states[0].mean(axis=0), states[1, :3].mean(axis=0)])
    expected = ops.convert_to_numpy(model.head(ops.convert_to_tensor(means)))
    np.testing.assert_allclose(model(INPUTS), expected, atol=1e-5)


@pytest.mark.parametrize("make", [longformer, bert])
def test_an_unknown_pooling_is_refused(make):
    with pytest.raises(ValueError, match=r"`pooling` must be.*pooling='last'"):
        make("TextClassifier", num_classes=3, pooling="last")


def test_bert_does_not_train_a_pooler_that_the_mean_leaves_unread():
    model = bert("TextClassifier", num_classes=3, pooling="mean")
    pooler = model.backbone.pooled_dense
    assert not any(weight.trainable for weight in pooler.weights)
