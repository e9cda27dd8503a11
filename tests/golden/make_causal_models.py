"""Writes causal_models.npz: Mistral, Llama and PyTorch's LSTM and GRU, in numbers.

Weights are in our layout, so that a test needs nothing but NumPy to load them.
Needs PyTorch and transformers; the tests that read the file do not.

    python -m tests.golden.make_causal_models
"""

import pathlib

import numpy as np

GOLDEN_FILE = pathlib.Path(__file__).with_name("causal_models.npz")

VOCABULARY_SIZE, HIDDEN_DIM, NUM_LAYERS = 37, 12, 2
NUM_HEADS, INTERMEDIATE_DIM = 2, 20
LENGTH, BATCH_SIZE = 21, 2
EPSILON, WAVELENGTH = 1e-5, 5000.0

# Name: arguments of `transformer`, or of `recurrent`.
TRANSFORMERS = {"mistral_window_5": 5, "mistral_window_1": 1, "llama": None}
RECURRENT = {"lstm": "lstm", "gru": "gru"}


def transformer(attention_window, seed=0):
    """Run MistralForCausalLM with a sliding window, or LlamaForCausalLM without.

    Args:
        attention_window: int or None. Passed on as `sliding_window`: transformers,
            too, counts the token itself (`key > query - sliding_window`).
        seed: int. Seed of weights and ids.

    Returns:
        dict of arrays: `token_ids`, `logits`, and weights under their names in
        `CausalTransformerBackbone`.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    options = {
        "vocab_size": VOCABULARY_SIZE,
        "hidden_size": HIDDEN_DIM,
        "intermediate_size": INTERMEDIATE_DIM,
        "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": NUM_HEADS,
        "num_key_value_heads": NUM_HEADS,
        "rms_norm_eps": EPSILON,
        "rope_parameters": {"rope_type": "default", "rope_theta": WAVELENGTH},
        "tie_word_embeddings": True,
        "attn_implementation": "eager",
    }
    if attention_window is None:
        config = transformers.LlamaConfig(**options)
        model = transformers.LlamaForCausalLM(config)
    else:
        config = transformers.MistralConfig(**options, sliding_window=attention_window)
        model = transformers.MistralForCausalLM(config)
    model = _with_wide_weights(model).eval()
    token_ids = torch.randint(0, VOCABULARY_SIZE, (BATCH_SIZE, LENGTH))
    with torch.no_grad():
        logits = model(token_ids).logits
    return {
        "token_ids": token_ids.numpy().astype("int32"),
        "logits": logits.numpy(),
        **_transformer_weights(model.state_dict()),
    }


def recurrent(cell, seed=0):
    """Run torch.nn.LSTM or GRU between a tied embedding.

    Args:
        cell: `"lstm"` or `"gru"`.
        seed: int. Seed of weights and ids.

    Returns:
        dict of arrays: `token_ids`, `logits`, and weights under their names in
        `RecurrentBackbone`.
    """
    import torch

    torch.manual_seed(seed)
    embedding = torch.nn.Embedding(VOCABULARY_SIZE, HIDDEN_DIM)
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    stack = kind(HIDDEN_DIM, HIDDEN_DIM, NUM_LAYERS, batch_first=True)
    embedding, stack = _with_wide_weights(embedding), _with_wide_weights(stack)
    token_ids = torch.randint(0, VOCABULARY_SIZE, (BATCH_SIZE, LENGTH))
    with torch.no_grad():
        outputs, _ = stack(embedding(token_ids))
        logits = outputs @ embedding.weight.T
    return {
        "token_ids": token_ids.numpy().astype("int32"),
        "logits": logits.numpy(),
        "token_embedding": embedding.weight.detach().numpy(),
        **_recurrent_weights(cell, stack.state_dict()),
    }


def _with_wide_weights(module):
    """Weights that make a difference, norms included."""
    import torch

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.normal_(std=0.4)
            if "norm" in name:
                parameter.add_(1.0)
    return module


def _transformer_weights(state):
    names = {
        "self_attn.q_proj": "attention/query",
        "self_attn.k_proj": "attention/key",
        "self_attn.v_proj": "attention/value",
        "self_attn.o_proj": "attention/attention_output",
        "mlp.gate_proj": "gate",
        "mlp.up_proj": "up",
        "mlp.down_proj": "down",
        "input_layernorm": "attention_norm",
        "post_attention_layernorm": "feedforward_norm",
    }
    state = {name: tensor.numpy() for name, tensor in state.items()}
    weights = {
        "token_embedding": state["model.embed_tokens.weight"],
        "layer_norm": state["model.norm.weight"],
    }
    for i in range(NUM_LAYERS):
        for theirs, ours in names.items():
            # PyTorch's kernels are (output, input), ours (input, output).
            weight = state[f"model.layers.{i}.{theirs}.weight"]
            weights[f"transformer_layer_{i}/{ours}"] = weight.T
    return weights


def _recurrent_weights(cell, state):
    state = {name: tensor.numpy() for name, tensor in state.items()}
    weights = {}
    for i in range(NUM_LAYERS):
        kernel, recurrent_kernel, bias, recurrent_bias = (
            _reordered(cell, state[f"{name}_l{i}"])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        weights[f"recurrent_stack/kernel_{i}"] = kernel.T
        weights[f"recurrent_stack/recurrent_kernel_{i}"] = recurrent_kernel.T
        biases = (
            bias + recurrent_bias
            if cell == "lstm"
            else np.stack([bias, recurrent_bias])
        )
        weights[f"recurrent_stack/bias_{i}"] = biases
    return weights


def _reordered(cell, array):
    """PyTorch has the LSTM's gates in our order; a GRU's first two swapped."""
    if cell == "lstm":
        return array
    reset, update, candidate = np.split(array, 3, axis=0)
    return np.concatenate([update, reset, candidate], axis=0)


def main():
    """Write the golden file."""
    contents = {}
    for name, attention_window in TRANSFORMERS.items():
        arrays = transformer(attention_window)
        contents.update({f"{name}/{key}": array for key, array in arrays.items()})
    for name, cell in RECURRENT.items():
        arrays = recurrent(cell)
        contents.update({f"{name}/{key}": array for key, array in arrays.items()})
    np.savez_compressed(GOLDEN_FILE, **contents)


if __name__ == "__main__":
    main()
