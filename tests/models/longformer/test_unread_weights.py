"""Weights that a task does not read: frozen, also where older files trained them."""

import keras
import numpy as np

from longkeras.models import LongformerBackbone, LongformerTextClassifier

IDS = {"token_ids": np.full((4, 8), 7)}
LABELS = np.array([0, 1, 0, 1])


def pooled_classifier():
    backbone = LongformerBackbone(
        vocabulary_size=20,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        attention_window=4,
        max_sequence_length=16,
        use_pooler=True,
    )
    return LongformerTextClassifier(backbone, num_classes=2)


def pooler_of(model):
    return model.backbone.pooler_dense.weights


def test_a_pooler_that_no_head_reads_is_not_trained():
    model = pooled_classifier()
    assert not any(weight.trainable for weight in pooler_of(model))


def test_a_file_whose_optimizer_holds_an_unread_pooler_loads_and_trains_on(tmp_path):
    model = pooled_classifier()
    for weight in pooler_of(model):  # as before they were frozen
        weight.trainable = True
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "old.keras")
    found = keras.saving.load_model(tmp_path / "old.keras")
    assert len(found.optimizer.variables) == len(model.optimizer.variables)
    assert all(weight.trainable for weight in pooler_of(found))
    found.compile(run_eagerly=True)
    found.fit(IDS, LABELS, verbose=0)
    assert not any(weight.trainable for weight in pooler_of(found))
