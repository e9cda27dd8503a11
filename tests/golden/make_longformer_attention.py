"""Writes longformer_attention.npz: Hugging Face's windowed attention, in numbers.

Needs PyTorch and transformers; the tests that read the file do not.

    python -m tests.golden.make_longformer_attention
"""

import pathlib

import numpy as np

GOLDEN_FILE = pathlib.Path(__file__).with_name("longformer_attention.npz")

# Name: (attention_window, sequence length, heads, head_dim, real positions per row)
GOLDEN_CASES = {
    "window_4": (4, 24, 2, 3, [(0, 24), (0, 17)]),
    "window_8": (8, 40, 1, 4, [(5, 40), (11, 12)]),
    "window_16_of_16": (16, 16, 2, 2, [(0, 16), (3, 9)]),
}


def longformer_attention(attention_window, length, num_heads, head_dim, spans, seed=0):
    """Run Hugging Face's LongformerSelfAttention without global tokens.

    Args:
        attention_window: int. Even total width, as in its configuration.
        length: int. Positions, a multiple of `attention_window`.
        num_heads: int. Attention heads.
        head_dim: int. Size of each head.
        spans: list of `(first, stop)` real positions, one per batch row.
        seed: int. Seed of weights and inputs.

    Returns:
        dict of arrays: `query, key, value, output` `(batch, length, heads,
        head_dim)` and `padding_mask` `(batch, length)`.
    """
    import torch
    from transformers import LongformerConfig
    from transformers.models.longformer import modeling_longformer

    torch.manual_seed(seed)
    config = LongformerConfig(
        hidden_size=num_heads * head_dim,
        num_attention_heads=num_heads,
        num_hidden_layers=1,
        attention_window=[attention_window],
        attention_probs_dropout_prob=0.0,
    )
    layer = modeling_longformer.LongformerSelfAttention(config, layer_id=0).eval()
    is_real = torch.zeros(len(spans), length, dtype=torch.bool)
    for row, (first, stop) in enumerate(spans):
        is_real[row, first:stop] = True
    states = torch.randn(len(spans), length, config.hidden_size)
    lowest = torch.finfo(states.dtype).min
    with torch.no_grad():
        output = layer(
            states,
            attention_mask=torch.where(is_real, 0.0, lowest),
            is_index_masked=~is_real,
            is_index_global_attn=torch.zeros_like(is_real),
            is_global_attn=False,
        )[0]
        arrays = {
            "query": layer.query(states),
            "key": layer.key(states),
            "value": layer.value(states),
            "output": output,
        }
    shape = (len(spans), length, num_heads, head_dim)
    arrays = {name: array.numpy().reshape(shape) for name, array in arrays.items()}
    return arrays | {"padding_mask": is_real.numpy()}


def main():
    """Write the golden file."""
    contents = {}
    for name, (attention_window, *arguments) in GOLDEN_CASES.items():
        arrays = longformer_attention(attention_window, *arguments)
        contents[f"{name}/attention_window"] = np.int64(attention_window)
        contents.update({f"{name}/{key}": array for key, array in arrays.items()})
    np.savez_compressed(GOLDEN_FILE, **contents)


if __name__ == "__main__":
    main()
