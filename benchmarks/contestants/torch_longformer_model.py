"""Hugging Face's `LongformerForSequenceClassification`, eager on the CPU."""

import torch
import transformers

from benchmarks.contestants.longformer_model_setting import (
    LEARNING_RATE,
    NUM_CLASSES,
    WEIGHT_DECAY,
    Checkpoint,
    ModelSetting,
)
from benchmarks.registry import Workload


def prepare(**point):
    """The workload of a point: `ModelSetting`'s arguments."""
    setting = ModelSetting(**point)
    if setting.task == "loading":
        return _loading(setting)
    model = _model(setting)
    inputs = _inputs(setting)
    labels = torch.from_numpy(setting.labels()).long()
    run = {
        "forward": lambda: _logits(model, inputs),
        "training": _training(model, inputs, labels),
    }[setting.task]
    return Workload(
        run=run,
        facts=setting.facts(model.num_parameters()),
        arrays=lambda result: [result.numpy()],
    )


def _training(model, inputs, labels):
    # The optimizer of transformers' own Trainer.
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )

    def step():
        model.train()
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return step


def _logits(model, inputs):
    model.eval()
    with torch.no_grad():
        return model(**inputs).logits


def _loading(setting):
    checkpoint = Checkpoint(setting)
    return Workload(
        run=lambda: _loaded(checkpoint.folder),
        facts=setting.facts(setting.parameters()),
        arrays=lambda model: [_logits(model, _inputs(setting)).numpy()],
    )


def _loaded(folder, **overrides):
    return transformers.LongformerForSequenceClassification.from_pretrained(
        folder, **overrides
    )


def _model(setting):
    rates = {
        "hidden_dropout_prob": setting.dropout,
        "attention_probs_dropout_prob": setting.dropout,
    }
    if setting.folder is not None:
        return _loaded(setting.folder, **rates)
    torch.manual_seed(0)
    config = transformers.LongformerConfig(
        vocab_size=setting.vocabulary_size,
        num_hidden_layers=setting.num_layers,
        num_attention_heads=setting.num_heads,
        hidden_size=setting.hidden_dim,
        intermediate_size=setting.intermediate_dim,
        attention_window=[2 * setting.reach] * setting.num_layers,
        max_position_embeddings=setting.length + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        num_labels=NUM_CLASSES,
        **rates,
    )
    return transformers.LongformerForSequenceClassification(config)


def _inputs(setting):
    token_ids = torch.from_numpy(setting.token_ids()).long()
    return {
        "input_ids": token_ids,
        "attention_mask": torch.ones_like(token_ids),
        "global_attention_mask": torch.from_numpy(setting.global_mask()).long(),
    }
