"""Self-attention without a window: every token sees every token, or all before it."""

import keras

from longkeras.layers.self_attention import SelfAttention
from longkeras.ops.attention.spec import full_pattern


@keras.saving.register_keras_serializable(package="longkeras")
class FullSelfAttention(SelfAttention):
    """Multi-head self-attention over the whole text.

    Time grows with the square of the length; `SlidingWindowAttention` and
    `LongformerSelfAttention` are for long text. The same ops serve all three, so
    weights, masks and decoding work alike.

    Args:
        num_heads: int. Attention heads; must divide the hidden dimension, unless
            `head_dim` is given.
        is_causal: bool. Whether a token sees only itself and what is before it.
            Defaults to `False`.
        head_dim: int. Size of a head. Defaults to `None`, the hidden dimension
            divided by `num_heads`.
        num_key_value_heads: int. Heads of keys and values, a divisor of `num_heads`
            (grouped-query attention). Defaults to `None`, `num_heads`.
        dropout: float. Rate at which attention weights are dropped in training.
            Defaults to `0.0`.
        use_bias: bool. Whether the projections have biases. Defaults to `True`.
        rope_max_wavelength: float. See `RotaryEmbedding`. Defaults to `None`, no
            rotary positions.
        kernel_initializer: initializer of the projections' kernels. Defaults to
            `"glorot_uniform"`.
        bias_initializer: initializer of their biases. Defaults to `"zeros"`.
        seed: int. Seed of the dropout. Defaults to `None`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. A padded
            token is neither seen nor answered. Defaults to `None`.
        document_ids: int tensor `(batch, sequence)`: of packed documents, a token
            sees its own. Defaults to `None`.
        return_attention_scores: bool, or positions of queries, ints `(rows,)` or
            `(batch, rows)`. Whether to return attention weights too, before any
            dropout: of those queries, or with True of all of them, a matrix that
            grows with the square of the length. Defaults to `False`.
        training: bool. Whether to drop out. Defaults to `None`.
        mask: bool tensor `(batch, sequence)`, the implicit mask of Keras, such as
            that of `keras.layers.Embedding(mask_zero=True)`; a `padding_mask` goes
            before it. Defaults to `None`.

    Returns:
        Tensor like `hidden_states`; with `return_attention_scores` also
        `(batch, num_heads, rows, sequence)`, over keys at their place in the text.

    Raises:
        ValueError: If sizes do not fit each other.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import FullSelfAttention

    layer = FullSelfAttention(num_heads=2, is_causal=True)
    x = np.ones((1, 10, 8), "float32")
    y, scores = layer(x, return_attention_scores=[0, 9])
    assert tuple(y.shape) == (1, 10, 8) and tuple(scores.shape) == (1, 2, 2, 10)
    ```

    Reference:
        [Attention Is All You Need](https://arxiv.org/abs/1706.03762)
    """

    def call(
        self,
        hidden_states,
        padding_mask=None,
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
        )

    def cache_slots(self, max_length=None):
        """See `RingDecoding.cache_slots`: `max_length`."""
        return max_length

    def _pattern(self, length):
        return full_pattern(length, self.is_causal)
