"""`LongformerSelfAttention` against Hugging Face's, weights, globals and gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import LongformerSelfAttention

pytestmark = pytest.mark.parity

HEADS, HEAD_DIM = 2, 4
HIDDEN_DIM = HEADS * HEAD_DIM
NAMES = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "global_query_dense": "query_global",
    "global_key_dense": "key_global",
    "global_value_dense": "value_global",
}
# Real positions as (first, stop), and global ones, of each row.
GLOBALS = {
    "none": [[], []],
    "first": [[0], [0]],
    "differ": [[], [3, 4, 11]],
    "padded": [[1, 15], [0, 2]],
    "all": [range(16), range(16)],
}


def theirs(attention_window):
    import torch
    from transformers import LongformerConfig
    from transformers.models.longformer import modeling_longformer

    torch.manual_seed(0)
    config = LongformerConfig(
        hidden_size=HIDDEN_DIM,
        num_attention_heads=HEADS,
        attention_window=[attention_window],
        attention_probs_dropout_prob=0.0,
    )
    attention = modeling_longformer.LongformerSelfAttention(config, layer_id=0)
    return attention.eval(), torch.nn.Linear(HIDDEN_DIM, HIDDEN_DIM)


def ours(attention, dense, attention_window):
    layer = LongformerSelfAttention(HEADS, attention_window)
    layer.build((None, None, HIDDEN_DIM))
    linears = {name: getattr(attention, other) for name, other in NAMES.items()}
    for name, linear in {**linears, "output_dense": dense}.items():
        weight, bias = (x.detach().numpy() for x in (linear.weight, linear.bias))
        getattr(layer, name).set_weights([weight.T, bias])
    return layer


def their_output_and_gradient(attention, dense, x, is_real, is_global):
    import torch

    states = torch.tensor(x, requires_grad=True)
    is_real, is_global = torch.tensor(is_real), torch.tensor(is_global)
    highest = torch.finfo(states.dtype).max
    rows = attention(
        states,
        attention_mask=torch.where(is_real, highest * is_global, -highest),
        is_index_masked=~is_real,
        is_index_global_attn=is_global,
        is_global_attn=is_global.any().item(),
    )[0]
    output = dense(rows)
    (output**2).sum().backward()
    return output.detach().numpy(), states.grad.numpy()


def our_output_and_gradient(layer, x, is_real, is_global):
    def loss(x):
        output = layer(x, padding_mask=is_real, global_attention_mask=is_global)
        return ops.sum(ops.square(output)), output

    x = ops.convert_to_tensor(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total, output = loss(x)
        return output, tape.gradient(total, x)
    import jax

    gradient, output = jax.grad(loss, has_aux=True)(x)
    return output, gradient


@pytest.mark.parametrize("attention_window", [4, 8, 16])
@pytest.mark.parametrize("name", GLOBALS)
def test_outputs_and_gradients_are_those_of_hugging_face(name, attention_window):
    x = np.random.default_rng(1).normal(size=(2, 16, HIDDEN_DIM)).astype("float32")
    is_real = np.ones((2, 16), bool)
    is_real[1, 12:], is_real[1, 6] = False, False
    is_global = np.zeros((2, 16), bool)
    for row, positions in enumerate(GLOBALS[name]):
        is_global[row, list(positions)] = True
    is_global &= is_real
    attention, dense = theirs(attention_window)
    layer = ours(attention, dense, attention_window)
    expected = their_output_and_gradient(attention, dense, x, is_real, is_global)
    actual = our_output_and_gradient(layer, x, is_real, is_global)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=2e-5)
