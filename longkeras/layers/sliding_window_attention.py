"""Self-attention within a sliding window, in time linear in the length."""

import keras

from longkeras.layers.keras_attention import arguments_of, copy_weights
from longkeras.layers.self_attention import SelfAttention
from longkeras.patterns import BandedPattern


@keras.saving.register_keras_serializable(package="longkeras")
class SlidingWindowAttention(SelfAttention):
    """Multi-head self-attention of each token to the tokens around or before it.

    Time grows with length times window and memory with length, in training too. The
    causal form decodes from a ring of `(attention_window - 1) * attention_dilation + 1`
    keys. Other libraries count windows otherwise: docs/attention_windows.md has the
    table, and `from_keras_attention` converts a layer of Keras.

    Args:
        {num_heads}
        {attention_window}
        {other_arguments}

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. A padded
            token is neither seen nor answered. Defaults to `None`.
        global_attention_mask: bool tensor `(batch, sequence)`, True at tokens that
            every token sees, however far (in the causal form, every later one). They
            see their own window only: `LongformerSelfAttention` lets them see
            everything. Defaults to `None`.
        {other_call_arguments}

    Returns:
        {returns}

    Raises:
        ValueError: If sizes do not fit each other, or the window is odd where it has
            two sides.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import SlidingWindowAttention

    layer = SlidingWindowAttention(num_heads=2, attention_window=16)
    y = layer(np.ones((1, 100, 8), "float32"))
    assert tuple(y.shape) == (1, 100, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    def __init__(
        self,
        num_heads,
        attention_window,
        attention_dilation=1,
        is_causal=False,
        head_dim=None,
        num_key_value_heads=None,
        dropout=0.0,
        use_bias=True,
        rope_max_wavelength=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        seed=None,
        **kwargs,
    ):
        super().__init__(
            num_heads=num_heads,
            is_causal=is_causal,
            head_dim=head_dim,
            num_key_value_heads=num_key_value_heads,
            dropout=dropout,
            use_bias=use_bias,
            rope_max_wavelength=rope_max_wavelength,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            seed=seed,
            **kwargs,
        )
        self.attention_window = attention_window
        self.attention_dilation = attention_dilation
        self._pattern().head_dilations(num_heads)

    @classmethod
    def from_keras_attention(cls, layer, is_causal=False):
        """The same attention as a layer of Keras with a `sliding_window`.

        Args:
            layer: built `keras.layers.MultiHeadAttention` or
                `keras.layers.GroupQueryAttention` with a `sliding_window`, which
                was used as self-attention.
            is_causal: bool. Whether it is called with `use_causal_mask=True`.
                Defaults to `False`.

        Returns:
            A `SlidingWindowAttention` with copied weights and equal outputs, in
            memory linear in the length.

        Raises:
            ValueError: If the layer is not built, has no `sliding_window`, or has
                what this layer has not, such as a gate.

        Example:

        ```python
        import keras
        import numpy as np
        from longkeras.layers import SlidingWindowAttention

        theirs = keras.layers.MultiHeadAttention(2, key_dim=4, sliding_window=5)
        x = np.random.default_rng(0).normal(size=(1, 20, 8)).astype("float32")
        expected = theirs(x, x)
        ours = SlidingWindowAttention.from_keras_attention(theirs)
        assert ours.attention_window == 8
        assert np.abs(ours(x) - expected).max() < 1e-5
        ```
        """
        hidden_dim, arguments = arguments_of(layer, is_causal)
        converted = cls(**arguments)
        converted.build((None, None, hidden_dim))
        copy_weights(layer, converted)
        return converted

    def call(
        self,
        hidden_states,
        padding_mask=None,
        global_attention_mask=None,
        document_ids=None,
        return_attention_scores=False,
        training=None,
        mask=None,
    ):
        return self._attend(
            hidden_states,
            training,
            return_attention_scores,
            padding_mask=mask if padding_mask is None else padding_mask,
            document_ids=document_ids,
            global_mask=global_attention_mask,
        )

    def cache_slots(self, max_length=None):
        """See `RingDecoding.cache_slots`: as far as the window reaches."""
        return self._pattern().ring_slots

    def _pattern(self, length=None):
        dilation = self.attention_dilation
        if isinstance(dilation, list):
            dilation = tuple(dilation)
        make = BandedPattern.causal if self.is_causal else BandedPattern.bidirectional
        return make(self.attention_window, dilation)

    def get_config(self):
        return {
            **super().get_config(),
            "attention_window": self.attention_window,
            "attention_dilation": self.attention_dilation,
        }
