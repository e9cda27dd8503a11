"""Longformer text classifier of longkeras, on the backend named by KERAS_BACKEND.

Uses the defaults of `compile`, `predict_on_batch` and `train_on_batch`. Run as a
program, it writes a checkpoint with random weights.
"""

import json
import sys

import keras
import numpy as np

from benchmarks.contestants.longformer_model_setting import (
    LEARNING_RATE,
    NUM_CLASSES,
    WEIGHT_DECAY,
    Checkpoint,
    ModelSetting,
)
from benchmarks.registry import Workload
from longkeras.conversion import from_huggingface, to_huggingface
from longkeras.models import LongformerBackbone, LongformerTextClassifier


def prepare(**point):
    """The workload of a point: `ModelSetting`'s arguments."""
    setting = ModelSetting(**point)
    if setting.task == "loading":
        return _loading(setting)
    model = model_of(setting)
    inputs, labels = _inputs(setting), setting.labels()
    model.compile(
        optimizer=keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def forward():
        return model.predict_on_batch(inputs)

    def training():
        model.reset_metrics()  # else the loss is the mean over all steps
        return model.train_on_batch(inputs, labels, return_dict=True)["loss"]

    return Workload(
        run={"forward": forward, "training": training}[setting.task],
        facts=setting.facts(model.count_params()),
        arrays=lambda result: [np.asarray(result)],
    )


def _loading(setting):
    checkpoint = Checkpoint(setting)
    return Workload(
        run=lambda: _loaded(checkpoint.folder),
        facts=setting.facts(setting.parameters()),
        arrays=lambda model: [np.asarray(model.predict_on_batch(_inputs(setting)))],
    )


def _loaded(folder, **overrides):
    return from_huggingface(
        folder, task=LongformerTextClassifier, preprocessor=None, **overrides
    )


def model_of(setting):
    """The classifier: of the setting's folder, or with random weights."""
    if setting.folder is not None:
        rate = setting.dropout
        return _loaded(setting.folder, dropout=rate, attention_dropout=rate)
    backbone = LongformerBackbone(
        vocabulary_size=setting.vocabulary_size,
        num_layers=setting.num_layers,
        num_heads=setting.num_heads,
        hidden_dim=setting.hidden_dim,
        intermediate_dim=setting.intermediate_dim,
        attention_window=2 * setting.reach,
        max_sequence_length=setting.length,
        dropout=setting.dropout,
        attention_dropout=setting.dropout,
        seed=0,
    )
    return LongformerTextClassifier(
        backbone, num_classes=NUM_CLASSES, dropout=setting.dropout
    )


def _inputs(setting):
    token_ids = setting.token_ids()
    return {
        "token_ids": token_ids,
        "padding_mask": np.ones_like(token_ids),
        "global_attention_mask": setting.global_mask(),
        "segment_ids": np.zeros_like(token_ids),
    }


def main(argv=None):
    """Write a checkpoint: a point as JSON, and the folder."""
    point, folder = sys.argv[1:] if argv is None else argv
    to_huggingface(model_of(ModelSetting(**json.loads(point))), folder)


if __name__ == "__main__":
    main()
