"""Keras layers, one a file."""

from longkeras.layers.causal_decoder_layer import CausalDecoderLayer
from longkeras.layers.causal_self_attention import CausalSelfAttention
from longkeras.layers.recurrent_stack import RecurrentStack
from longkeras.layers.rotary_embedding import RotaryEmbedding

__all__ = [
    "CausalDecoderLayer",
    "CausalSelfAttention",
    "RecurrentStack",
    "RotaryEmbedding",
]
