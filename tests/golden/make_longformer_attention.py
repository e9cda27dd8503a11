"""Writes longformer_attention.npz: Hugging Face's windowed attention, in numbers.

Needs PyTorch and transformers; the tests that read the file do not.

    python -m tests.golden.make_longformer_attention
"""

import pathlib

import numpy as np

GOLDEN_FILE = pathlib.Path(__file__).with_name("longformer_attention.npz")

# Name: (attention_window, sequence length, heads, head_dim, real positions per row,
# global positions per row)
GOLDEN_CASES = {
    "window_4": (4, 24, 2, 3, [(0, 24), (0, 17)], None),
    "window_8": (8, 40, 1, 4, [(5, 40), (11, 12)], None),
    "window_16_of_16": (16, 16, 2, 2, [(0, 16), (3, 9)], None),
    "one_global": (4, 24, 2, 3, [(0, 24), (2, 17)], [[0], [5]]),
    "globals_differ": (8, 32, 2, 2, [(0, 32), (3, 30)], [[], [3, 4, 20, 29]]),
    "all_global": (4, 16, 1, 4, [(0, 16), (0, 9)], [range(16), range(0, 9, 2)]),
}


def longformer_attention(
    attention_window, length, num_heads, head_dim, spans, global_positions=None, seed=0
):
    """Run Hugging Face's LongformerSelfAttention on random weights and states.

    Args:
        attention_window: int. Even total width, as in its configuration.
        length: int. Positions, a multiple of `attention_window`.
        num_heads: int. Attention heads.
        head_dim: int. Size of each head.
        spans: list of `(first, stop)` real positions, one per batch row.
        global_positions: list of real positions that are global, one list per
            batch row. Defaults to `None`: there are none.
        seed: int. Seed of weights and inputs.

    Returns:
        dict of arrays: `query, key, value, output` `(batch, length, heads,
        head_dim)` and `padding_mask` `(batch, length)`; with global positions also
        `global_query, global_key, global_value` and `global_mask`.
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
    is_global = torch.zeros_like(is_real)
    for row, positions in enumerate(global_positions or []):
        is_global[row, list(positions)] = True
    states = torch.randn(len(spans), length, config.hidden_size)
    highest = torch.finfo(states.dtype).max
    attention_mask = torch.where(is_real, highest * is_global, -highest)
    names = ["query", "key", "value"]
    masks = {"padding_mask": is_real.numpy()}
    if global_positions is not None:
        names += ["query_global", "key_global", "value_global"]
        masks["global_mask"] = is_global.numpy()
    with torch.no_grad():
        arrays = {name: getattr(layer, name)(states) for name in names}
        arrays["output"] = layer(
            states,
            attention_mask=attention_mask,
            is_index_masked=~is_real,
            is_index_global_attn=is_global,
            is_global_attn=is_global.any().item(),
        )[0]
    shape = (len(spans), length, num_heads, head_dim)
    arrays = {
        "_".join(reversed(name.split("_"))): array.numpy().reshape(shape)
        for name, array in arrays.items()
    }
    return arrays | masks


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
