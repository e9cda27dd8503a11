"""What a self-attention layer must answer, from its weights, in float64 NumPy."""

import numpy as np
from keras import ops

from tests.layers.test_rotary_embedding import turned
from tests.ops.oracle import attend

HIDDEN_DIM = 8


def draw_weights(layer, seed=7):
    """Build a layer and give every weight a value that makes a difference."""
    layer.build((None, None, HIDDEN_DIM))
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.6)
    return layer


def inputs(length, batch_size=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch_size, length, HIDDEN_DIM)).astype("float32")


def by_definition(layer, x, is_real=None, is_global=None, documents=None):
    """The layer's output without dropout, `(batch, sequence, hidden_dim)`."""
    batch_size, length, _ = x.shape
    local = projected(layer, x)
    global_rows = None
    if is_global is not None and hasattr(layer, "global_query_dense"):
        global_rows = projected(layer, x, "global_")
    window = getattr(layer, "attention_window", None)
    left = right = length
    if window is not None:
        left = right = window // 2
    if layer.is_causal:
        left, right = (window or length) - 1, 0
    dilations = getattr(layer, "attention_dilation", 1)
    if isinstance(dilations, int):
        dilations = [dilations] * layer.num_heads
    output = attend(
        *local,
        left,
        right,
        dilations,
        is_real,
        is_global=is_global,
        documents=documents,
        global_rows=global_rows,
    )
    output = output.reshape(batch_size, length, -1)
    return _dense(layer.output_dense, output)


def projected(layer, x, prefix=""):
    """Query, key and value in float64, turned if the layer turns them."""
    shape = (*x.shape[:2], -1, layer.head_dim)
    query, key, value = (
        _dense(getattr(layer, f"{prefix}{name}_dense"), x).reshape(shape)
        for name in ("query", "key", "value")
    )
    if layer.rope_max_wavelength is not None:
        positions = np.arange(x.shape[1])
        query, key = (
            turned(part, positions, layer.rope_max_wavelength) for part in (query, key)
        )
    return query, key, value


def _dense(dense, x):
    weights = [np.asarray(ops.convert_to_numpy(w), "float64") for w in dense.weights]
    # Padding may hold anything; its rows are cleared by the mask.
    return sum(weights[1:], x.astype("float64") @ weights[0])
