"""Keras layers."""

from longkeras.layers.activation_penalty import ActivationPenalty
from longkeras.layers.activations import XIELU, SharedPReLU
from longkeras.layers.causal_decoder_layer import CausalDecoderLayer
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.full_self_attention import FullSelfAttention
from longkeras.layers.learned_position_embedding import LearnedPositionEmbedding
from longkeras.layers.longformer_encoder_layer import LongformerEncoderLayer
from longkeras.layers.longformer_self_attention import LongformerSelfAttention
from longkeras.layers.ngram_embedding import NGramEmbedding
from longkeras.layers.ngram_features import NGramFeatures
from longkeras.layers.ngram_heads import NGramHeads
from longkeras.layers.recurrent_stack import RecurrentStack
from longkeras.layers.rotary_embedding import RotaryEmbedding
from longkeras.layers.sliding_window_attention import SlidingWindowAttention
from longkeras.layers.token_dropout import TokenDropout

__all__ = [
    "XIELU",
    "ActivationPenalty",
    "CausalDecoderLayer",
    "CounterDropout",
    "FullSelfAttention",
    "LearnedPositionEmbedding",
    "LongformerEncoderLayer",
    "LongformerSelfAttention",
    "NGramEmbedding",
    "NGramFeatures",
    "NGramHeads",
    "RecurrentStack",
    "RotaryEmbedding",
    "SharedPReLU",
    "SlidingWindowAttention",
    "TokenDropout",
]
