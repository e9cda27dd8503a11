"""Small Longformers, with weights that make a difference."""

import keras
import numpy as np

from longkeras.models import LongformerBackbone

MAX_SEQUENCE_LENGTH = 64
VOCABULARY_SIZE = 40
# Whether steps are to be compiled: the quicker way of each backend, since without it
# JAX would run op by op.
COMPILED = keras.backend.backend() == "jax"


def small_backbone(weight_seed=0, **options):
    """A backbone of two layers with random weights, drawn wide.

    Args:
        weight_seed: int. Equal seeds give equal weights.
        **options: further arguments of the backbone.

    Returns:
        `LongformerBackbone`.
    """
    sizes = {
        "vocabulary_size": VOCABULARY_SIZE,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "attention_window": [4, 8],
        "max_sequence_length": MAX_SEQUENCE_LENGTH,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    backbone = LongformerBackbone(**{**sizes, **options})
    draw_weights(backbone, weight_seed)
    return backbone


def draw_weights(model, seed=0, size=0.3):
    """Give every weight a random value; norms scale by about 1."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        value = rng.normal(size=weight.shape) * size
        weight.assign(value + 1.0 if weight.name == "gamma" else value)


def random_inputs(batch_size=2, length=21, seed=0):
    """Every input of a backbone, of rows that differ in padding and global tokens."""
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(3, VOCABULARY_SIZE, size=(batch_size, length))
    padding_mask = np.ones((batch_size, length), "int32")
    padding_mask[1:, length - 5 :] = 0
    token_ids[padding_mask == 0] = 1
    global_attention_mask = np.zeros((batch_size, length), "int32")
    global_attention_mask[0, [0, 3]] = 1
    return {
        "token_ids": token_ids.astype("int32"),
        "padding_mask": padding_mask,
        "global_attention_mask": global_attention_mask,
        "segment_ids": np.zeros((batch_size, length), "int32"),
    }


def outputs_of(model, inputs):
    """What a model gives, as arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(inputs))
