"""Causal self-attention, full or within a sliding window, with a ring cache."""

import keras
from keras import ops

from longkeras.layers.rotary_embedding import RotaryEmbedding
from longkeras.ops.banded_attention import banded_attention
from longkeras.ops.cached_attention import attend_chunk, attend_step
from longkeras.patterns import BandedPattern


@keras.saving.register_keras_serializable(package="longkeras")
class CausalSelfAttention(keras.layers.Layer):
    """Multi-head self-attention to the past, with rotary positions.

    With an `attention_window` each token sees that many tokens, itself included:
    time grows with length times window, and decoding needs a ring of constant size.
    Without one it sees everything before it.

    Args:
        num_heads: int. Attention heads; must divide the inputs' last dimension.
        attention_window: int, keys seen, the token's own included, or None for full
            attention. Defaults to `None`.
        attention_dilation: int, or a list of one per head. Distance between keys of
            the window. Defaults to `1`.
        rope_max_wavelength: float. See `RotaryEmbedding`. Defaults to `10000.0`.
        kernel_initializer: initializer of the four projections. Defaults to
            `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. Defaults
            to `None`.

    Returns:
        Tensor like `hidden_states`.

    Raises:
        ValueError: If `num_heads` does not divide the hidden dimension.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import CausalSelfAttention

    layer = CausalSelfAttention(num_heads=2, attention_window=16)
    y = layer(np.ones((1, 100, 8), "float32"))
    assert tuple(y.shape) == (1, 100, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    def __init__(
        self,
        num_heads,
        attention_window=None,
        attention_dilation=1,
        rope_max_wavelength=10000.0,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.attention_window = attention_window
        self.attention_dilation = attention_dilation
        self.rope_max_wavelength = rope_max_wavelength
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True
        if attention_window is None:
            dilations = attention_dilation
            dilations = (
                dilations if isinstance(dilations, (list, tuple)) else [dilations]
            )
            if any(dilation != 1 for dilation in dilations):
                raise ValueError(
                    "`attention_dilation` needs an `attention_window`. Received: "
                    f"attention_dilation={attention_dilation}, attention_window=None"
                )
        else:
            self._pattern(attention_window)

    def build(self, hidden_states_shape, padding_mask_shape=None):
        hidden_dim = hidden_states_shape[-1]
        if hidden_dim % self.num_heads or (hidden_dim // self.num_heads) % 2:
            raise ValueError(
                "`num_heads` must divide the hidden dimension into heads of an even "
                f"size. Received: num_heads={self.num_heads}, hidden_dim={hidden_dim}"
            )
        self.head_dim = hidden_dim // self.num_heads
        self.query_dense = self._projection("query", hidden_dim)
        self.key_dense = self._projection("key", hidden_dim)
        self.value_dense = self._projection("value", hidden_dim)
        self.output_dense = self._projection("attention_output", hidden_dim)
        self.rotary_embedding = RotaryEmbedding(
            self.rope_max_wavelength, dtype=self.dtype_policy, name="rotary_embedding"
        )

    def call(self, hidden_states, padding_mask=None):
        query, key, value = self._project(hidden_states, positions=None)
        # A window as wide as the text is full attention.
        length = hidden_states.shape[1]
        pattern = self._pattern(self.attention_window or length or _ANY_LENGTH)
        output = banded_attention(query, key, value, pattern, padding_mask=padding_mask)
        return self._merge(output)

    def cache_slots(self, max_length=None):
        """Slots of the ring that decoding needs.

        Args:
            max_length: int. The longest text; needed by full attention only.

        Returns:
            int: `(attention_window - 1) * dilation + 1`, or `max_length`.
        """
        if self.attention_window is None:
            return max_length
        return self._pattern(self.attention_window).ring_slots

    def call_chunk(self, hidden_states, cache, next_position, lengths):
        """Attend for a chunk that follows what the cache holds.

        Args:
            hidden_states: `(batch, chunk, hidden_dim)`, valid tokens first.
            cache: pair of rings `(batch, slots, heads, head_dim)`.
            next_position: int `(batch,)`, tokens read before.
            lengths: int `(batch,)`, valid tokens of the chunk.

        Returns:
            `(output, cache)`.
        """
        steps = ops.arange(hidden_states.shape[1], dtype="int32")
        positions = ops.expand_dims(next_position, 1) + steps
        projected = self._project(hidden_states, positions)
        pattern = self._pattern(self.attention_window or cache[0].shape[1])
        output, cache = attend_chunk(*projected, cache, next_position, lengths, pattern)
        return self._merge(output), cache

    def call_step(self, hidden_states, cache, next_position):
        """Attend for one token a row.

        Args:
            hidden_states: `(batch, hidden_dim)`.
            cache: pair of rings `(batch, slots, heads, head_dim)`.
            next_position: int `(batch,)`, this token's position.

        Returns:
            `(output, cache)`.
        """
        projected = self._project(hidden_states[:, None], next_position[:, None])
        query, key, value = (x[:, 0] for x in projected)  # (batch, heads, head_dim)
        pattern = self._pattern(self.attention_window or cache[0].shape[1])
        output, cache = attend_step(query, key, value, cache, next_position, pattern)
        return self._merge(output[:, None])[:, 0], cache

    def _pattern(self, attention_window):
        dilation = self.attention_dilation
        if isinstance(dilation, list):
            dilation = tuple(dilation)
        return BandedPattern.causal(attention_window, dilation)

    def _projection(self, name, hidden_dim):
        dense = keras.layers.Dense(
            hidden_dim,
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        dense.build((None, None, hidden_dim))
        return dense

    def _project(self, hidden_states, positions):
        """Turned queries and keys, and values: `(batch, sequence, heads, head_dim)`."""
        batch, length = ops.shape(hidden_states)[:2]
        shape = (batch, length, self.num_heads, self.head_dim)
        query = ops.reshape(self.query_dense(hidden_states), shape)
        key = ops.reshape(self.key_dense(hidden_states), shape)
        value = ops.reshape(self.value_dense(hidden_states), shape)
        query = self.rotary_embedding(query, positions)
        return query, self.rotary_embedding(key, positions), value

    def _merge(self, output):
        batch, length = ops.shape(output)[:2]
        output = ops.reshape(output, (batch, length, self.num_heads * self.head_dim))
        return self.output_dense(output)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "attention_window": self.attention_window,
            "attention_dilation": self.attention_dilation,
            "rope_max_wavelength": self.rope_max_wavelength,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def compute_output_shape(self, hidden_states_shape, padding_mask_shape=None):
        return hidden_states_shape


# The window of full attention while the length is unknown in tracing.
_ANY_LENGTH = 1 << 20
