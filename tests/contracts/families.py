"""A small model of every family and task, and what it can do.

A new backbone or task gets one row in `FAMILIES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.models.small_tasks import LABELS, TEXTS, bert, language_model, longformer

# Rows of the tests' token ids: a question up to the first separator (3), no padding.
TOKEN_IDS = np.array([[5, 6, 3, 4, 7, 3, 6, 3], [8, 9, 3, 4, 5, 3, 9, 3]])
SAME, ZEROS = np.ones_like(TOKEN_IDS), np.zeros_like(TOKEN_IDS)
FIRST, QUESTION = ZEROS.copy(), ZEROS.copy()
FIRST[:, 0] = 1
QUESTION[:, :2] = 1


@dataclass(frozen=True)
class Family:
    """One backbone or task.

    Args:
        make: function of a dtype that makes the model.
        optional: the inputs that may be left out, each with the value that it then has.
        base: str. The class of KerasHub's that loads its presets too.
        data: raw strings, and targets where the task needs them. Defaults to `()`.
        lora: str. Why LoRA is refused. Defaults to `None`, it is not.
        int8: str. The same of eight-bit weights.
        huggingface: str. Why there is no Hugging Face folder of it. Defaults to `None`,
            there is.
    """

    make: Callable[[str], Any]
    optional: dict[str, np.ndarray]
    base: str
    data: tuple[Any, ...] = ()
    lora: str | None = None
    int8: str | None = None
    huggingface: str | None = None


_NOT_WRITTEN = "`model` must be"
# Of KerasHub's tokenizers, which are layers that are never built.
_NO_INT8 = "Cannot quantize a layer that isn't yet built"
_NO_LORA = "`enable_lora` adapts dense layers"
_DOCUMENTS = {"padding_mask": SAME, "document_ids": ZEROS}
_BERT = {"padding_mask": SAME, "segment_ids": ZEROS}
_TRANSFORMER = {**_DOCUMENTS, "global_attention_mask": ZEROS}
_LONGFORMER = {**_BERT, **_DOCUMENTS, "global_attention_mask": ZEROS}


def _longformer(task, **arguments):
    return lambda dtype: longformer(task, {"dtype": dtype}, **arguments)


def _bert(task, **arguments):
    return lambda dtype: bert(task, {"dtype": dtype}, **arguments)


def _transformer(dtype):
    return language_model("ngram_heads", dtype=dtype, use_global_attention=True)


def _recurrent(dtype):
    return language_model("lstm_ngrams", dtype=dtype)


def _backbone(make):
    return lambda dtype: make(dtype).backbone


def _spans():
    return {"answer_start": [0] * 4, "answer_text": [x.split()[0] for x in TEXTS]}


FAMILIES = {
    "CausalTransformerBackbone": Family(
        _backbone(_transformer), _TRANSFORMER, "Backbone", huggingface=_NOT_WRITTEN
    ),
    "ExactBertBackbone": Family(
        _backbone(_bert("MaskedLM")), _BERT, "Backbone", huggingface=_NOT_WRITTEN
    ),
    "ExactBertMaskedLM": Family(
        _bert("MaskedLM"),
        _BERT,
        "MaskedLM",
        (TEXTS,),
        int8=_NO_INT8,
        huggingface=_NOT_WRITTEN,
    ),
    "ExactBertTextClassifier": Family(
        _bert("TextClassifier", num_classes=2, class_names=["dull", "exciting"]),
        _BERT,
        "TextClassifier",
        (TEXTS, LABELS),
        int8=_NO_INT8,
        huggingface=_NOT_WRITTEN,
    ),
    "LongformerBackbone": Family(
        _backbone(_longformer("MaskedLM")), _LONGFORMER, "Backbone"
    ),
    "LongformerMaskedLM": Family(
        _longformer("MaskedLM"), _LONGFORMER, "MaskedLM", (TEXTS,)
    ),
    "LongformerQuestionAnswerer": Family(
        _longformer("QuestionAnswerer", separator_id=3),
        {**_LONGFORMER, "global_attention_mask": QUESTION},
        "",
        ({"question": ["who ?"] * 4, "context": TEXTS}, _spans()),
    ),
    "LongformerTextClassifier": Family(
        _longformer("TextClassifier", num_classes=2, class_names=["dull", "exciting"]),
        {**_LONGFORMER, "global_attention_mask": FIRST},
        "TextClassifier",
        (TEXTS, LABELS),
    ),
    "LongformerTokenClassifier": Family(
        _longformer("TokenClassifier", num_classes=2, class_names=["no", "yes"]),
        _LONGFORMER,
        "",
        ([x.split() for x in TEXTS], [[1] * len(x.split()) for x in TEXTS]),
    ),
    "RecurrentBackbone": Family(
        _backbone(_recurrent),
        _DOCUMENTS,
        "Backbone",
        lora=_NO_LORA,
        huggingface=_NOT_WRITTEN,
    ),
    "RecurrentCausalLM": Family(
        _recurrent,
        _DOCUMENTS,
        "CausalLM",
        (TEXTS,),
        lora=_NO_LORA,
        huggingface=_NOT_WRITTEN,
    ),
    "TransformerCausalLM": Family(
        _transformer, _TRANSFORMER, "CausalLM", (TEXTS,), huggingface=_NOT_WRITTEN
    ),
}
