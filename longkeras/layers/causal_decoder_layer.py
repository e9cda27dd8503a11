"""Decoder layer of a causal Transformer."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.full_self_attention import FullSelfAttention
from longkeras.layers.longformer_self_attention import LongformerSelfAttention
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.layers.rematerialised_call import RematerialisedCall
from longkeras.layers.sliding_window_attention import SlidingWindowAttention
from longkeras.patterns import BandedPattern


@keras.saving.register_keras_serializable(package="longkeras")
class CausalDecoderLayer(RematerialisedCall, keras.layers.Layer):
    """Pre-norm attention and a gated feed-forward network, each with a residual.

    `x + attention(norm(x))`, then `x + down(act(gate(norm(x))) * up(norm(x)))`, with
    root-mean-square norms and no biases: the block of Llama and Mistral.

    Args:
        intermediate_dim: int. Inner size of the feed-forward network.
        num_heads: int. Attention heads.
        attention_window: int or None. Keys each token sees, its own included; None
            for full attention. Defaults to `None`.
        attention_dilation: int, or a list of one per head. Defaults to `1`.
        rope_max_wavelength: float. Defaults to `10000.0`.
        activation: Activation of the gate. Defaults to `"silu"`.
        layer_norm_epsilon: float. Defaults to `1e-6`.
        dropout: float. Rate after attention and after the feed-forward network.
            Defaults to `0.0`.
        kernel_initializer: initializer of all kernels. Defaults to
            `"glorot_uniform"`.
        seed: int. Seed of the dropout. Defaults to `None`.
        use_global_attention: bool. Whether tokens may be global, through three more
            projections. Defaults to `False`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`. Defaults to `None`.
        global_attention_mask: bool tensor `(batch, sequence)`, True at tokens that
            every later token sees and that see every earlier one. Needs
            `use_global_attention`. Defaults to `None`, none.
        document_ids: int tensor `(batch, sequence)`. Tokens of packed documents see
            their own document only. Defaults to `None`.
        training: bool. Whether to apply dropout. Defaults to `None`.

    Returns:
        Tensor like `hidden_states`.

    Raises:
        ValueError: If `attention_dilation` or `use_global_attention` is given without
            an `attention_window`.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import CausalDecoderLayer

    layer = CausalDecoderLayer(intermediate_dim=32, num_heads=2, attention_window=8)
    assert tuple(layer(np.ones((1, 20, 8), "float32")).shape) == (1, 20, 8)
    ```

    Reference:
        [Mistral 7B](https://arxiv.org/abs/2310.06825)
    """

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        attention_window=None,
        attention_dilation=1,
        rope_max_wavelength=10000.0,
        activation="silu",
        layer_norm_epsilon=1e-6,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        seed=None,
        use_global_attention=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.attention_window = attention_window
        self.attention_dilation = attention_dilation
        self.rope_max_wavelength = rope_max_wavelength
        self.activation = keras.activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.use_global_attention = use_global_attention
        self.supports_masking = True
        if attention_window is not None:
            # Checked here; the attention layer is created in `build`.
            pattern = BandedPattern.causal(attention_window, attention_dilation)
            pattern.head_dilations(num_heads)
        elif set(_flat(attention_dilation)) != {1}:
            raise ValueError(
                "`attention_dilation` needs an `attention_window`. Received: "
                f"attention_dilation={attention_dilation}, attention_window=None"
            )
        if attention_window is None and use_global_attention:
            raise ValueError(
                "`use_global_attention` needs an `attention_window`: without one every "
                "token sees all before it. Received: "
                f"use_global_attention={use_global_attention}, attention_window=None"
            )

    def build(self, hidden_states_shape):
        hidden_dim = hidden_states_shape[-1]
        self.attention_norm = self._norm("attention_norm", hidden_states_shape)
        self.attention = self._attention()
        self.attention.build(hidden_states_shape)
        self.feedforward_norm = self._norm("feedforward_norm", hidden_states_shape)
        self.gate_dense = self._dense("gate", hidden_dim, self.intermediate_dim)
        self.up_dense = self._dense("up", hidden_dim, self.intermediate_dim)
        self.down_dense = self._dense("down", self.intermediate_dim, hidden_dim)
        self.dropout_layer = CounterDropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout"
        )

    def call(
        self,
        hidden_states,
        padding_mask=None,
        global_attention_mask=None,
        document_ids=None,
        training=None,
    ):
        masks = {"padding_mask": padding_mask, "document_ids": document_ids}
        if self.use_global_attention:
            masks["global_attention_mask"] = global_attention_mask
        attended = self.attention(self.attention_norm(hidden_states), **masks)
        hidden_states = hidden_states + self.dropout_layer(attended, training=training)
        return self._feed_forward(hidden_states, training)

    def call_chunk(
        self, hidden_states, cache, next_position, lengths, global_attention_mask=None
    ):
        """As `SlidingWindowAttention.call_chunk`, for the whole block."""
        attended, cache = self.attention.call_chunk(
            self.attention_norm(hidden_states),
            cache,
            next_position,
            lengths,
            global_attention_mask,
        )
        return self._feed_forward(hidden_states + attended, training=False), cache

    def call_step(self, hidden_states, cache, next_position):
        """As `SlidingWindowAttention.call_step`, for the whole block."""
        attended, cache = self.attention.call_step(
            self.attention_norm(hidden_states), cache, next_position
        )
        return self._feed_forward(hidden_states + attended, training=False), cache

    def _feed_forward(self, hidden_states, training):
        x = self.feedforward_norm(hidden_states)
        x = self.activation(self.gate_dense(x)) * self.up_dense(x)
        x = self.dropout_layer(self.down_dense(x), training=training)
        return hidden_states + x

    def _attention(self):
        options = {
            "num_heads": self.num_heads,
            "is_causal": True,
            "use_bias": False,
            "rope_max_wavelength": self.rope_max_wavelength,
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
            "name": "attention",
        }
        if self.attention_window is None:
            return FullSelfAttention(**options)
        windowed = SlidingWindowAttention
        if self.use_global_attention:
            windowed = LongformerSelfAttention
        return windowed(
            attention_window=self.attention_window,
            attention_dilation=self.attention_dilation,
            **options,
        )

    def _norm(self, name, shape):
        norm = keras.layers.RMSNormalization(
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
            use_bias=False,
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
            "rope_max_wavelength": self.rope_max_wavelength,
            "activation": keras.activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "dropout": self.dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
            "use_global_attention": self.use_global_attention,
        }

    def compute_output_shape(self, hidden_states_shape):
        return hidden_states_shape


def _flat(dilation):
    return dilation if isinstance(dilation, (list, tuple)) else [dilation]
