"""Models: one folder a family, on KerasHub's bases."""

from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.causal_transformer.causal_lm import TransformerCausalLM
from longkeras.models.causal_transformer.preprocessor import (
    TransformerCausalLMPreprocessor,
)
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.models.recurrent.causal_lm import RecurrentCausalLM
from longkeras.models.recurrent.preprocessor import RecurrentCausalLMPreprocessor
from longkeras.text.byte_tokenizer import ByteTokenizer

__all__ = [
    "ByteTokenizer",
    "CausalTransformerBackbone",
    "LongformerBackbone",
    "RecurrentBackbone",
    "RecurrentCausalLM",
    "RecurrentCausalLMPreprocessor",
    "TransformerCausalLM",
    "TransformerCausalLMPreprocessor",
]
