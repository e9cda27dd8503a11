"""Models: one folder a family, on KerasHub's bases."""

from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.causal_transformer.causal_lm import TransformerCausalLM
from longkeras.models.causal_transformer.preprocessor import (
    TransformerCausalLMPreprocessor,
)
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm_preprocessor import (
    LongformerMaskedLMPreprocessor,
)
from longkeras.models.longformer.question_answerer_preprocessor import (
    LongformerQuestionAnswererPreprocessor,
)
from longkeras.models.longformer.text_classifier_preprocessor import (
    LongformerTextClassifierPreprocessor,
)
from longkeras.models.longformer.token_classifier_preprocessor import (
    LongformerTokenClassifierPreprocessor,
)
from longkeras.models.longformer.tokenizer import LongformerTokenizer
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.models.recurrent.causal_lm import RecurrentCausalLM
from longkeras.models.recurrent.preprocessor import RecurrentCausalLMPreprocessor
from longkeras.text.byte_tokenizer import ByteTokenizer

__all__ = [
    "ByteTokenizer",
    "CausalTransformerBackbone",
    "LongformerBackbone",
    "LongformerMaskedLMPreprocessor",
    "LongformerQuestionAnswererPreprocessor",
    "LongformerTextClassifierPreprocessor",
    "LongformerTokenClassifierPreprocessor",
    "LongformerTokenizer",
    "RecurrentBackbone",
    "RecurrentCausalLM",
    "RecurrentCausalLMPreprocessor",
    "TransformerCausalLM",
    "TransformerCausalLMPreprocessor",
]
