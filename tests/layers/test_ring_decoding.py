"""Reading a text in chunks and steps against one full pass, layer by layer."""

import numpy as np
import pytest
from keras import ops

from longkeras.layers import (
    FullSelfAttention,
    LongformerSelfAttention,
    SlidingWindowAttention,
)
from tests.layers.attention_definition import draw_weights, inputs

BATCH_SIZE, PROMPT_LENGTH, CHUNK, LENGTH = 2, 9, 4, 14
WINDOW = {"num_heads": 2, "is_causal": True, "rope_max_wavelength": 500.0}
LAYERS = {
    "full": lambda: FullSelfAttention(**WINDOW),
    "window": lambda: SlidingWindowAttention(attention_window=4, **WINDOW),
    "grouped": lambda: SlidingWindowAttention(
        attention_window=3,
        attention_dilation=[1, 2],
        num_key_value_heads=1,
        head_dim=6,
        **WINDOW,
    ),
    "longformer": lambda: LongformerSelfAttention(attention_window=3, **WINDOW),
}
ROOM = {
    "full": {"max_length": LENGTH},
    "window": {},
    "grouped": {"num_global_tokens": 2},
    "longformer": {"num_global_tokens": 2, "prompt_length": 7},
}


def global_tokens(length=LENGTH):
    is_global = np.zeros((BATCH_SIZE, length), bool)
    is_global[0, [1, 6]] = True
    is_global[1, 3] = True
    return is_global


def read(layer, cache, x, is_global=None):
    """The prompt in chunks, the last one with padding behind; then steps."""
    outputs = []
    for start in range(0, PROMPT_LENGTH, CHUNK):
        valid = min(CHUNK, PROMPT_LENGTH - start)
        chunk = np.full((BATCH_SIZE, CHUNK, x.shape[-1]), np.nan, "float32")
        chunk[:, :valid] = x[:, start : start + valid]
        masks = {}
        if is_global is not None:
            masks["global_attention_mask"] = is_global[:, start : start + CHUNK]
        output, cache = layer.call_chunk(
            ops.convert_to_tensor(chunk), cache, at(start), at(valid), **masks
        )
        outputs.append(ops.convert_to_numpy(output)[:, :valid])
    cache.pop("prompt_kv", None)
    for place in range(PROMPT_LENGTH, LENGTH):
        token = ops.convert_to_tensor(x[:, place])
        output, cache = layer.call_step(token, cache, at(place))
        outputs.append(ops.convert_to_numpy(output)[:, None])
    return np.concatenate(outputs, axis=1)


def at(position):
    return ops.full((BATCH_SIZE,), position, dtype="int32")


@pytest.mark.parametrize("name", LAYERS)
def test_reading_in_parts_equals_the_full_pass(name):
    layer, x = draw_weights(LAYERS[name]()), inputs(LENGTH, BATCH_SIZE)
    has_globals = "num_global_tokens" in ROOM[name]
    is_global = global_tokens() if has_globals else None
    masks = {"global_attention_mask": is_global} if has_globals else {}
    expected = ops.convert_to_numpy(layer(x, **masks))
    actual = read(layer, layer.initial_cache(BATCH_SIZE, **ROOM[name]), x, is_global)
    np.testing.assert_allclose(actual, expected, atol=3e-5)


def first_chunk(layer, cache):
    x = ops.convert_to_tensor(inputs(CHUNK, BATCH_SIZE))
    return layer.call_chunk(x, cache, at(0), at(CHUNK), global_tokens(CHUNK + 3)[:, :4])


def test_global_tokens_need_room_in_the_cache():
    layer = draw_weights(LAYERS["window"]())
    with pytest.raises(ValueError, match="`num_global_tokens` to `initial_cache`"):
        first_chunk(layer, layer.initial_cache(BATCH_SIZE))


def test_global_rows_need_the_keys_of_the_prompt():
    layer = draw_weights(LAYERS["longformer"]())
    with pytest.raises(ValueError, match=r"`prompt_length` must be given.*=2"):
        layer.initial_cache(BATCH_SIZE, num_global_tokens=2)
    cache = layer.initial_cache(BATCH_SIZE, num_global_tokens=2, prompt_length=7)
    del cache["prompt_kv"]
    with pytest.raises(ValueError, match=r"have its `prompt_kv` still.*ring"):
        first_chunk(layer, cache)
