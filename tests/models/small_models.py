"""Small language models of every kind, with weights that make a difference.

Freshly made Transformers start with weights near zero: their logits would be equal
within a tolerance whatever the code did. Here every weight is drawn wide.
"""

import keras
import numpy as np

from longkeras.layers import NGramFeatures
from longkeras.models import (
    ByteTokenizer,
    CausalTransformerBackbone,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
    TransformerCausalLM,
    TransformerCausalLMPreprocessor,
)

# The longest text of the full-attention model.
CONTEXT_LENGTH = 48

# Windows and dilations of two layers; the rings hold at most 10 entries.
TRANSFORMERS = {
    "windowed": {"attention_window": [3, 6]},
    "dilated": {"attention_window": 4, "attention_dilation": [[1, 2], [3, 1]]},
    "global": {"attention_window": [2, 4], "use_global_attention": True},
    "full": {"max_sequence_length": CONTEXT_LENGTH},
    "mixed": {"attention_window": [1, None], "max_sequence_length": CONTEXT_LENGTH},
    "ngrams": {
        "attention_window": [3, 6],
        "ngram_features": NGramFeatures([2, 4], num_bins=64),
    },
    "ngram_heads": {
        "attention_window": [3, 6],
        "ngram_features": NGramFeatures(
            [2], num_bins=64, head_sizes=[2, 3], head_window=9
        ),
    },
}
RECURRENT = {
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru"},
    "lstm_ngrams": {
        "cell": "lstm",
        "ngram_features": NGramFeatures(
            [2, 5], num_bins=64, head_sizes=[2, 3], head_window=9
        ),
    },
}
KINDS = (*TRANSFORMERS, *RECURRENT)
# Their state has one size, however long the text.
CONSTANT_STATE = (
    *("windowed", "dilated", "global", "ngrams", "ngram_heads"),
    *RECURRENT,
)


def small_model(kind, seed=0, dtype=None, num_layers=2, sequence_length=24, **options):
    """A model of a kind, with random weights.

    Args:
        kind: str, one of `KINDS`.
        seed: int. Equal seeds give equal weights.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`.
        num_layers: int. Defaults to `2`.
        sequence_length: int. Of the preprocessor. Defaults to `24`.
        **options: further arguments of the backbone.

    Returns:
        `TransformerCausalLM` or `RecurrentCausalLM`.
    """
    sizes = {"vocabulary_size": 259, "num_layers": num_layers, "hidden_dim": 16}
    if kind in TRANSFORMERS:
        layers = {
            name: value[:num_layers] if isinstance(value, list) else value
            for name, value in TRANSFORMERS[kind].items()
        }
        backbone = CausalTransformerBackbone(
            **sizes,
            num_heads=2,
            intermediate_dim=24,
            dtype=dtype,
            **{**layers, **options},
        )
        task, preprocessor = TransformerCausalLM, TransformerCausalLMPreprocessor
    else:
        options = {**RECURRENT.get(kind, {"cell": kind}), **options}
        backbone = RecurrentBackbone(**sizes, dtype=dtype, **options)
        task, preprocessor = RecurrentCausalLM, RecurrentCausalLMPreprocessor
    draw_weights(backbone, seed)
    return task(backbone, preprocessor(ByteTokenizer(), sequence_length))


def draw_weights(model, seed=0, size=0.5):
    """Give every weight a random value, and the special tokens logits near zero.

    Among 259 logits the highest is well above, so that a greedy choice is always a
    byte: nothing ends or breaks a text before its time.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        value = rng.normal(size=weight.shape) * size
        weight.assign(value + 1.0 if weight.name == "scale" else value)
    embeddings = np.array(keras.ops.convert_to_numpy(model.token_embedding.embeddings))
    embeddings[:3] *= 0.02
    model.token_embedding.embeddings.assign(embeddings)


def random_ids(batch_size, length, seed=0, letters=256):
    """Ids of so many random bytes, int32 `(batch_size, length)`."""
    rng = np.random.default_rng(seed)
    return rng.integers(3, 3 + letters, size=(batch_size, length)).astype("int32")


def letters_of(kind):
    """How many bytes a text should consist of to show what a kind does with it."""
    # With more, hardly anything comes again in a short text.
    return 3 if kind in ("ngram_heads", "lstm_ngrams") else 256
