"""Longformer's self-attention: a sliding window, and tokens that see everything."""

import dataclasses

import keras
from keras import ops

from longkeras.layers.sliding_window_attention import SlidingWindowAttention
from longkeras.ops.attention.spec import full_pattern
from longkeras.ops.attention.visibility import rows_of
from longkeras.ops.decoding import prompt_cache
from longkeras.ops.decoding.cached_attention import attend_global_rows


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerSelfAttention(SlidingWindowAttention):
    """Multi-head self-attention within a window, with global tokens.

    Every token sees its window and every global token. A global token sees every
    token, through three projections of its own, `global_query_dense`,
    `global_key_dense` and `global_value_dense`. Which tokens are global is said at
    each call, differently for each row of the batch if need be; without any, this is
    `SlidingWindowAttention`. With `is_causal` nothing sees a later token, global ones
    included. Weights and numbers are those of Hugging Face's `LongformerSelfAttention`
    with the `dense` of its output.

    Args:
        {num_heads}
        {attention_window}
        {other_arguments}

    Call arguments:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: bool tensor `(batch, sequence)`, True at real tokens. A padded
            token is neither seen nor answered, nor global. Defaults to `None`.
        global_attention_mask: bool tensor `(batch, sequence)`, True at global
            tokens. Defaults to `None`, no token is.
        {other_call_arguments}

    Returns:
        {returns}

    Raises:
        ValueError: If sizes do not fit each other, or the window is odd where it has
            two sides.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import LongformerSelfAttention

    layer = LongformerSelfAttention(num_heads=2, attention_window=16)
    first_is_global = np.arange(100)[None] == 0
    y, scores = layer(
        np.ones((1, 100, 8), "float32"),
        global_attention_mask=first_is_global,
        return_attention_scores=[0, 99],
    )
    assert tuple(y.shape) == (1, 100, 8)
    # The first token sees all 100; the last sees it and 8 + 1 in its window.
    assert np.sum(np.array(scores)[0, 0] > 0, axis=-1).tolist() == [100, 10]
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    def build(self, hidden_states_shape):
        super().build(hidden_states_shape)
        hidden_dim = hidden_states_shape[-1]
        query_dim = self.num_heads * self.head_dim
        key_dim = self.num_key_value_heads * self.head_dim
        self.global_query_dense = self._projection(
            "global_query", hidden_dim, query_dim
        )
        self.global_key_dense = self._projection("global_key", hidden_dim, key_dim)
        self.global_value_dense = self._projection("global_value", hidden_dim, key_dim)

    @classmethod
    def from_keras_attention(cls, layer, is_causal=False):
        """As `SlidingWindowAttention.from_keras_attention`.

        The projections of global tokens start as copies of the others, as Longformer's
        did when it was initialized from RoBERTa.
        """
        converted = super().from_keras_attention(layer, is_causal)
        converted.copy_projections_to_global()
        return converted

    def copy_projections_to_global(self):
        """Copy the projections of all tokens to those of global tokens."""
        local = self.query_dense, self.key_dense, self.value_dense
        for dense, source in zip(self._global_denses(), local, strict=True):
            dense.set_weights(source.get_weights())

    def initial_cache(
        self, batch_size, max_length=None, num_global_tokens=0, prompt_length=None
    ):
        """As `SlidingWindowAttention.initial_cache`, with room for global rows.

        Args:
            batch_size: int.
            max_length: None; a window says how much to keep.
            num_global_tokens: int. The most global tokens of a prompt. Defaults to
                `0`.
            prompt_length: int. Tokens of a prompt up to its last global one, needed
                where there are any. Defaults to `None`.

        Returns:
            dict; its `"prompt_kv"` may be left out once the prompt is read.

        Raises:
            ValueError: If the layer is not causal, or `prompt_length` is missing.
        """
        cache = super().initial_cache(batch_size, max_length, num_global_tokens)
        if not num_global_tokens:
            return cache
        if prompt_length is None:
            raise ValueError(
                "`prompt_length` must be given: a global token sees the whole prompt "
                f"before it. Received: num_global_tokens={num_global_tokens}, "
                "prompt_length=None"
            )
        keys = prompt_cache.empty(
            batch_size,
            prompt_length,
            self.num_key_value_heads,
            self.head_dim,
            dtype=self.compute_dtype,
        )
        return {**cache, "prompt_kv": keys}

    def _answer_globals(
        self, output, cache, hidden_states, positions, lengths, is_global
    ):
        if "prompt_kv" not in cache:
            raise ValueError(
                "Global tokens are answered while a prompt is read: the cache must "
                "have its `prompt_kv` still. Received: a cache of "
                f"{sorted(cache)}"
            )
        query, *keys_and_values = self._project(
            hidden_states, positions, self._global_denses()
        )
        next_position = positions[:, 0]
        keys = prompt_cache.extend(
            cache["prompt_kv"], next_position, lengths, *keys_and_values, is_global
        )
        output = attend_global_rows(output, query, keys, next_position, is_global)
        return output, {**cache, "prompt_kv": keys}

    def _global_denses(self):
        return self.global_query_dense, self.global_key_dense, self.global_value_dense

    def _global_rows(self, with_scores):
        can_absorb = self.rotary_embedding is None and all(
            dense.compute_dtype == "float32" and dense.quantization_mode is None
            for dense in self._global_denses()
        )
        return "absorbable" if can_absorb and not with_scores else "projected"

    def _tensors_of_global_rows(self, hidden_states, planned):
        if planned.global_rows is None:
            return ()
        if planned.global_rows == "absorbed":
            weights = (self._weight(dense) for dense in self._global_denses())
            return hidden_states, *weights
        return self._project(hidden_states, denses=self._global_denses())

    def _weight(self, dense):
        """`(hidden_dim + 1, heads, head_dim)`, the bias as the last row."""
        kernel = ops.convert_to_tensor(dense.kernel)
        bias = ops.zeros_like(kernel[0]) if dense.bias is None else dense.bias
        weight = ops.concatenate([kernel, ops.expand_dims(bias, 0)], axis=0)
        return ops.reshape(weight, (weight.shape[0], -1, self.head_dim))

    def _scores(self, query_and_key, for_rows, rows, spec):
        scores = super()._scores(query_and_key, for_rows, rows, spec)
        if not for_rows:
            return scores
        everything = full_pattern(query_and_key[0].shape[1], self.is_causal)
        sees_all = dataclasses.replace(spec, pattern=everything, global_mask=None)
        global_scores = super()._scores(for_rows[:2], (), rows, sees_all)
        is_global = rows_of(spec.global_keys(), rows)[:, None, :, None]
        return ops.where(is_global, global_scores, scores)
