"""Encoder layer of Longformer."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.activations import (
    activation_layer,
    get_activation,
    serialize_activation,
)
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.longformer_self_attention import LongformerSelfAttention
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.layers.rematerialised_call import RematerialisedCall
from longkeras.layers.residual_norm import residual_norm
from longkeras.ops.backend import xla_compile

# Length from which training recomputes attention: at base size and 4,096 tokens the
# process then peaks at 5.8 instead of 8.4 GiB.
_LONG = 2048


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerEncoderLayer(RematerialisedCall, keras.layers.Layer):
    """Longformer attention and a feed-forward network, each followed by a layer norm.

    `norm(x + attention(x))`, then `norm(x + down(activation(up(x))))`: the block of
    BERT and RoBERTa with `LongformerSelfAttention`. To save memory, the backward pass
    recomputes norms and activation, and from 2,048 tokens attention too.

    Args:
        intermediate_dim: int. Inner size of the feed-forward network.
        num_heads: int. Attention heads; must divide the hidden dimension.
        attention_window: int. Keys in the window, an even number, half of it on each
            side of the token.
        attention_dilation: int, or a list of one per head. Defaults to `1`.
        activation: Activation of the feed-forward network: a function, its name, or
            `"prelu"` or `"xielu"`, which have weights. Defaults to `"gelu"`.
        layer_norm_epsilon: float. Defaults to `1e-5`.
        dropout: float. Rate after attention and after the feed-forward network.
            Defaults to `0.0`.
        attention_dropout: float. Rate at which attention weights are dropped.
            Defaults to `0.0`.
        kernel_initializer: initializer of all kernels. Defaults to
            `"glorot_uniform"`.
        seed: int. Seed of the dropout. Defaults to `None`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. Defaults
            to `None`.
        global_attention_mask: bool tensor `(batch, sequence)`, True at global tokens.
            Defaults to `None`, none.
        document_ids: int tensor `(batch, sequence)`. Tokens of packed documents,
            global ones too, see their own document only. Defaults to `None`.
        training: bool. Whether to apply dropout. Defaults to `None`.

    Returns:
        Tensor like `hidden_states`.

    Raises:
        ValueError: If the window is odd, or `num_heads` does not divide the hidden
            dimension.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import LongformerEncoderLayer

    layer = LongformerEncoderLayer(
        intermediate_dim=32, num_heads=2, attention_window=16
    )
    first_is_global = np.arange(100)[None] == 0
    y = layer(np.ones((1, 100, 8), "float32"), global_attention_mask=first_is_global)
    assert tuple(y.shape) == (1, 100, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        attention_window,
        attention_dilation=1,
        activation="gelu",
        layer_norm_epsilon=1e-5,
        dropout=0.0,
        attention_dropout=0.0,
        kernel_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.attention_window = attention_window
        self.attention_dilation = attention_dilation
        self.activation = get_activation(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.supports_masking = True
        self.attention = LongformerSelfAttention(
            num_heads=num_heads,
            attention_window=attention_window,
            attention_dilation=attention_dilation,
            dropout=attention_dropout,
            kernel_initializer=self.kernel_initializer,
            seed=seed,
            dtype=self.dtype_policy,
            name="attention",
        )
        self.activation_layer = activation_layer(self.activation, self.dtype_policy)
        self.dropout_layer = CounterDropout(
            dropout, seed=seed, dtype=self.dtype_policy, name="dropout"
        )

    def build(self, hidden_states_shape):
        hidden_dim = hidden_states_shape[-1]
        self.attention.build(hidden_states_shape)
        self.attention_norm = self._norm("attention_norm", hidden_states_shape)
        self.intermediate_dense = self._dense(
            "intermediate", hidden_dim, self.intermediate_dim
        )
        if self.activation_layer is not None:
            self.activation_layer.build((*hidden_states_shape[:-1], None))
        self.output_dense = self._dense("output", self.intermediate_dim, hidden_dim)
        self.output_norm = self._norm("output_norm", hidden_states_shape)

    def call(
        self,
        hidden_states,
        padding_mask=None,
        global_attention_mask=None,
        document_ids=None,
        training=None,
    ):
        attend = self.attention
        if training and _is_long(hidden_states):
            attend = self.attention.recomputed
        x = attend(
            hidden_states,
            padding_mask=padding_mask,
            global_attention_mask=global_attention_mask,
            document_ids=document_ids,
            training=training,
        )
        hidden_states = self._joined(self.attention_norm, x, hidden_states, training)
        x = self.intermediate_dense(hidden_states)
        # A new function each time: JAX caches a function with the weights that it
        # closed over.
        second_half = keras.remat(lambda x: self._second_half(x))
        x = second_half(x) if training else self._second_half(x)
        return self._joined(self.output_norm, x, hidden_states, training)

    def _joined(self, norm, x, residual, training):
        return residual_norm(x, residual, self.dropout_layer, norm, training)

    def _second_half(self, x):
        if self.activation_layer is not None:
            return self.output_dense(self.activation_layer(x))
        return self.output_dense(xla_compile.run_elementwise(self.activation, x))

    def _norm(self, name, shape):
        norm = keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name
        )
        norm.build(shape)
        return norm

    def _dense(self, name, input_dim, output_dim):
        return projection(
            name,
            input_dim,
            output_dim,
            self.kernel_initializer,
            dtype=self.dtype_policy,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": policy_to_save(self),
            "intermediate_dim": self.intermediate_dim,
            "num_heads": self.num_heads,
            "attention_window": self.attention_window,
            "attention_dilation": self.attention_dilation,
            "activation": serialize_activation(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
        }

    def compute_output_shape(self, hidden_states_shape):
        return hidden_states_shape


def _is_long(hidden_states):
    length = hidden_states.shape[1]
    return length is None or length >= _LONG
