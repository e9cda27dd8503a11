"""Tiny checkpoints of BERT and RoBERTa, as `transformers` saves them, by hand."""

import json

import numpy as np

from tests.conversion.small_checkpoint import (
    CONFIG,
    HEADS,
    LABELS,
    POOLER,
    linear,
    random_tensors,
    tensors_of,
    write_checkpoint,
)

SIZES = {"max_sequence_length": 48, "attention_window": 8}
ENDINGS = {
    "backbone": "Model",
    "masked_lm": "ForMaskedLM",
    "text_classifier": "ForSequenceClassification",
    "question_answerer": "ForQuestionAnswering",
    "token_classifier": "ForTokenClassification",
}
CLASSES = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta"}
PREFIXES = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
BERT_NAMES = {
    "lm_head.dense.": "cls.predictions.transform.dense.",
    "lm_head.layer_norm.": "cls.predictions.transform.LayerNorm.",
    "lm_head.decoder.": "cls.predictions.decoder.",
    "lm_head.bias": "cls.predictions.bias",
}


def short_tensors(family, task="backbone", pooler=True):
    """Random tensors by name; a backbone has a pooler, a task none unless BERT's."""
    ending = ENDINGS[task]
    prefix = "" if task == "backbone" else PREFIXES[family]
    tensors = tensors_of(f"Longformer{ending}", PREFIXES[family])
    tensors = {name: x for name, x in tensors.items() if "_global." not in name}
    is_bert = family == "bert"
    if (task == "backbone" and pooler) or (is_bert and task == "text_classifier"):
        own = random_tensors(POOLER, seed=1)
        tensors |= {f"{prefix}{name}": x for name, x in own.items()}
    if is_bert and task == "text_classifier":
        for name in HEADS["LongformerForSequenceClassification"]:
            del tensors[name]
        tensors |= random_tensors(linear("classifier", 3, 8), seed=2)
    return {_name(name, family): x for name, x in tensors.items()}


def write_short(folder, tensors, family, task="backbone", **changes):
    """Writes a checkpoint with a tokenizer; see `write_checkpoint`."""
    changes = {
        "model_type": family,
        "attention_window": None,
        "pad_token_id": 0 if family == "bert" else 1,
        **changes,
    }
    if task in ("text_classifier", "token_classifier"):
        changes.setdefault("id2label", LABELS)
    write_checkpoint(folder, tensors, f"{CLASSES[family]}{ENDINGS[task]}", **changes)
    if family == "bert":
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "good"]
        (folder / "vocab.txt").write_text("\n".join(words))
    else:
        tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
        vocabulary = {token: i for i, token in enumerate(tokens)}
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    return folder


def rows(family):
    """Two texts as ids, one with padding behind it."""
    token_ids = np.array([[5, 6, 7, 9, 11, 2], [8, 5, 3, 2, 1, 1]], "int32")
    padding_mask = np.array([[1] * 6, [1] * 4 + [0] * 2], "int32")
    token_ids[padding_mask == 0] = 0 if family == "bert" else 1
    return {"token_ids": token_ids, "padding_mask": padding_mask}


def short_length(family):
    """The longest text of the short model."""
    return CONFIG["max_position_embeddings"] - (0 if family == "bert" else 2)


def _name(name, family):
    if family == "bert":
        for ours, theirs in BERT_NAMES.items():
            name = name.replace(ours, theirs)
    return name
