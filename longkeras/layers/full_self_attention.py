"""Self-attention over the whole text."""

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
        {num_heads}
        {other_arguments}

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. A padded
            token is neither seen nor answered. Defaults to `None`.
        {other_call_arguments}

    Returns:
        {returns}

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
