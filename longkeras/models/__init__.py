"""Models: one folder a family, on KerasHub's bases."""

from longkeras.models.bert.backbone import ExactBertBackbone
from longkeras.models.bert.tasks import ExactBertMaskedLM, ExactBertTextClassifier
from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.causal_transformer.causal_lm import (
    TransformerCausalLM,
    TransformerCausalLMPreprocessor,
)
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm import (
    LongformerMaskedLM,
    LongformerMaskedLMPreprocessor,
)
from longkeras.models.longformer.question_answerer import (
    LongformerQuestionAnswerer,
    LongformerQuestionAnswererPreprocessor,
)
from longkeras.models.longformer.text_classifier import (
    LongformerTextClassifier,
    LongformerTextClassifierPreprocessor,
)
from longkeras.models.longformer.token_classifier import (
    LongformerTokenClassifier,
    LongformerTokenClassifierPreprocessor,
)
from longkeras.models.longformer.tokenizer import LongformerTokenizer
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.models.recurrent.causal_lm import (
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from longkeras.text.byte_tokenizer import ByteTokenizer

__all__ = [
    "ByteTokenizer",
    "CausalTransformerBackbone",
    "ExactBertBackbone",
    "ExactBertMaskedLM",
    "ExactBertTextClassifier",
    "LongformerBackbone",
    "LongformerMaskedLM",
    "LongformerMaskedLMPreprocessor",
    "LongformerQuestionAnswerer",
    "LongformerQuestionAnswererPreprocessor",
    "LongformerTextClassifier",
    "LongformerTextClassifierPreprocessor",
    "LongformerTokenClassifier",
    "LongformerTokenClassifierPreprocessor",
    "LongformerTokenizer",
    "RecurrentBackbone",
    "RecurrentCausalLM",
    "RecurrentCausalLMPreprocessor",
    "TransformerCausalLM",
    "TransformerCausalLMPreprocessor",
]
