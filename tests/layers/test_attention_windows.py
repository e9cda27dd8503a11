"""docs/attention_windows.md is true: each library sees the keys that its row says."""

import re

import keras
import numpy as np
import pytest

from longkeras.patterns import BandedPattern, dense_mask
from tests.contracts.sources import ROOT

PAGE = (ROOT / "docs/attention_windows.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+?) \| .+? \| (.+?) \| (.+?) \|$", re.MULTILINE)
LENGTH = 16


def pattern_of(library, n, is_causal):
    """What the page says of a library's number, as a pattern; None for no form."""
    rows = {name: formulas for name, *formulas in ROW.findall(PAGE)}
    (found,) = (rows[name] for name in rows if name.startswith(library))
    formula = found[1 if is_causal else 0]
    if formula == "–":
        return None
    window = eval(formula.strip("`"), {"n": n})
    if is_causal:
        return BandedPattern.causal(window)
    return BandedPattern.bidirectional(window) if window else BandedPattern(0, 0)


def values():
    """Value j is the j-th unit vector: a token's output shows which keys it saw."""
    return np.eye(LENGTH, dtype="float32")[None, :, None]  # (1, length, 1, length)


def seen_by_keras(kind, n, is_causal):
    if kind == "MultiHeadAttention":
        layer = keras.layers.MultiHeadAttention(1, LENGTH, sliding_window=n)
    else:
        layer = keras.layers.GroupQueryAttention(LENGTH, 1, 1, sliding_window=n)
    eye = values()[:, :, 0]
    layer.build(eye.shape, eye.shape)
    # Equal scores, and values that pass through.
    weights = [np.zeros(weight.shape) for weight in layer.weights]
    weights[4] = np.eye(LENGTH).reshape(weights[4].shape)
    weights[6] = np.eye(LENGTH).reshape(weights[6].shape)
    layer.set_weights(weights)
    return np.asarray(layer(eye, eye, use_causal_mask=is_causal))[0] > 0


def seen_by_jax(n, is_causal):
    import jax

    zeros = np.zeros_like(values())
    output = jax.nn.dot_product_attention(
        zeros, zeros, values(), is_causal=is_causal, local_window_size=n
    )
    return np.asarray(output)[0, :, 0] > 0


def seen_by_longformer(n, is_causal):
    import torch
    from transformers import LongformerConfig
    from transformers.models.longformer import modeling_longformer

    config = LongformerConfig(
        hidden_size=LENGTH, num_attention_heads=1, attention_window=[n]
    )
    layer = modeling_longformer.LongformerSelfAttention(config, layer_id=0).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.value.weight.copy_(torch.eye(LENGTH))
        nothing = torch.zeros(1, LENGTH, dtype=torch.bool)
        output = layer(
            torch.eye(LENGTH)[None],
            attention_mask=torch.zeros(1, LENGTH),
            is_index_masked=nothing,
            is_index_global_attn=nothing,
            is_global_attn=False,
        )[0]
    return output[0].numpy() > 0


def seen_by_modernbert(n, is_causal):
    from transformers import ModernBertConfig
    from transformers.masking_utils import sliding_window_bidirectional_mask_function

    one_side = ModernBertConfig(local_attention=n).sliding_window
    return mask_of(sliding_window_bidirectional_mask_function(one_side))


def seen_by_mistral(n, is_causal):
    import torch
    from transformers import MistralConfig
    from transformers.masking_utils import create_sliding_window_causal_mask

    config = MistralConfig(sliding_window=n, attn_implementation="eager")
    mask = create_sliding_window_causal_mask(
        config, torch.zeros(1, LENGTH, 4), None, past_key_values=None
    )
    return mask[0, 0].numpy() == 0


def mask_of(function):
    import torch

    places = torch.arange(LENGTH)
    zero = torch.zeros((), dtype=torch.int64)
    return function(zero, zero, places[:, None], places[None]).numpy()


def seen_by_flex_attention(n, is_causal):
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def mask(batch, head, query, key):
        distance = query - key
        if not is_causal:
            return distance.abs() <= n
        return (distance >= 0) & (distance <= n)

    block_mask = create_block_mask(mask, 1, 1, LENGTH, LENGTH, device="cpu")
    # Heads before the sequence.
    value = torch.tensor(values()).swapaxes(1, 2)
    zeros = torch.zeros_like(value)
    output = flex_attention(zeros, zeros, value, block_mask=block_mask)
    return output[0, 0].numpy() > 0


def check(library, seen, n, is_causal):
    pattern = pattern_of(library, n, is_causal)
    np.testing.assert_array_equal(seen, dense_mask(pattern, LENGTH)[0])


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_the_page_is_true_of_keras(kind, n, is_causal):
    check("Keras", seen_by_keras(kind, n, is_causal), n, is_causal)


@pytest.mark.parametrize("is_causal", [False, True])
def test_the_page_is_true_of_jax(is_causal):
    check("JAX", seen_by_jax(3, is_causal), 3, is_causal)


@pytest.mark.parity
# PyTorch warns that its uncompiled form keeps all scores: that is what is small here.
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize(
    ("library", "seen", "is_causal"),
    [
        ("Hugging Face Longformer", seen_by_longformer, False),
        ("Hugging Face ModernBERT", seen_by_modernbert, False),
        ("Hugging Face Mistral", seen_by_mistral, True),
        ("PyTorch FlexAttention", seen_by_flex_attention, False),
        ("PyTorch FlexAttention", seen_by_flex_attention, True),
    ],
)
def test_the_page_is_true_of_pytorch_and_hugging_face(library, seen, is_causal, n):
    if library == "Hugging Face Longformer":
        n = 2 * n  # it refuses a window of 2, and lengths that no window divides
    check(library, seen(n, is_causal), n, is_causal)


def test_the_example_on_the_page_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(example, "docs/attention_windows.md", "exec"), {})
