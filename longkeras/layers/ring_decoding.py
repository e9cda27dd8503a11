"""Incremental decoding of attention layers with KV caches."""

from keras import ops

from longkeras.ops.decoding import global_cache
from longkeras.ops.decoding.cached_attention import attend_chunk, attend_step


class RingDecoding:
    """Mixin. Reads a text in chunks or single tokens, for a causal `SelfAttention`.

    The cache is a dict of batch-first tensors: `"ring"`, the keys and values of the
    window, and with global tokens `"global_kv"`, their keys and values. A subclass
    overrides `cache_slots`.
    """

    def cache_slots(self, max_length=None):
        """Return the number of slots of the ring cache.

        Args:
            max_length: int. The longest text; needed by full attention only.

        Returns:
            int, or None if it depends on `max_length`, which is missing.
        """
        raise NotImplementedError

    def initial_cache(self, batch_size, max_length=None, num_global_tokens=0):
        """Return an empty cache.

        Args:
            batch_size: int.
            max_length: int. The longest text; needed by full attention only.
            num_global_tokens: int. The most global tokens of a prompt (see
                `longkeras.ops.decoding.global_cache.needed_capacity`). Defaults to `0`.

        Returns:
            dict with a ring cache of `cache_slots(max_length)` slots.

        Raises:
            ValueError: If the layer is not causal, or needs a `max_length`.
        """
        if not self.is_causal:
            raise ValueError(
                "A cache needs a layer with `is_causal=True`: a token that sees later "
                f"ones cannot be read before them. Received: is_causal={self.is_causal}"
            )
        slots = self.cache_slots(max_length)
        if slots is None:
            raise ValueError(
                "`max_length` must be given: full attention keeps every token. "
                "Received: max_length=None"
            )
        heads = self.num_key_value_heads, self.head_dim
        shape = (batch_size, slots, *heads)
        ring = tuple(ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2))
        if not num_global_tokens:
            return {"ring": ring}
        global_kv = global_cache.empty(
            batch_size, num_global_tokens, *heads, dtype=self.compute_dtype
        )
        return {"ring": ring, "global_kv": global_kv}

    def call_chunk(
        self, hidden_states, cache, next_position, lengths, global_attention_mask=None
    ):
        """Attend for a chunk of tokens that follows the cached ones.

        Args:
            hidden_states: `(batch, chunk, hidden_dim)`, valid tokens first.
            cache: from `initial_cache`, or from an earlier call.
            next_position: int `(batch,)`, tokens read before.
            lengths: int `(batch,)`, valid tokens of the chunk.
            global_attention_mask: bool `(batch, chunk)`, tokens that every later one
                sees. Defaults to `None`, none of this chunk.

        Returns:
            `(output, cache)`.

        Raises:
            ValueError: If tokens are global and the cache has no slots for them.
        """
        steps = ops.arange(hidden_states.shape[1], dtype="int32")
        positions = ops.expand_dims(next_position, 1) + steps
        projected = self._project(hidden_states, positions)
        is_global = self._global_tokens(cache, global_attention_mask, steps, lengths)
        if is_global is not None:
            global_kv = global_cache.extend(
                cache["global_kv"], next_position, *projected[1:], is_global
            )
            cache = {**cache, "global_kv": global_kv}
        output, ring = attend_chunk(
            *projected,
            cache["ring"],
            next_position,
            lengths,
            self._pattern(cache["ring"][0].shape[1]),
            global_kv=cache.get("global_kv"),
        )
        cache = {**cache, "ring": ring}
        if is_global is not None:
            output, cache = self._answer_globals(
                output, cache, hidden_states, positions, lengths, is_global
            )
        return self._merge(output), cache

    def call_step(self, hidden_states, cache, next_position):
        """Attend for one token a row, which is not global.

        Args:
            hidden_states: `(batch, hidden_dim)`.
            cache: from `initial_cache`, or from an earlier call.
            next_position: int `(batch,)`, this token's position.

        Returns:
            `(output, cache)`.
        """
        projected = self._project(hidden_states[:, None], next_position[:, None])
        output, ring = attend_step(
            *(x[:, 0] for x in projected),  # (batch, heads, head_dim)
            cache["ring"],
            next_position,
            self._pattern(cache["ring"][0].shape[1]),
            global_kv=cache.get("global_kv"),
        )
        return self._merge(output[:, None])[:, 0], {**cache, "ring": ring}

    def _global_tokens(self, cache, global_attention_mask, steps, lengths):
        """Global tokens, bool `(batch, chunk)`, or None if the cache needs no mask."""
        if global_attention_mask is None:
            if "prompt_kv" not in cache:
                return None
            global_attention_mask = ops.zeros((1, 1), dtype="bool")
        elif "global_kv" not in cache:
            raise ValueError(
                "`global_attention_mask` needs a cache that keeps global tokens: give "
                "`num_global_tokens` to `initial_cache`. Received: a cache of "
                f"{sorted(cache)}"
            )
        valid = steps < ops.expand_dims(lengths, 1)
        return ops.logical_and(ops.cast(global_attention_mask, "bool"), valid)

    def _answer_globals(
        self, output, cache, hidden_states, positions, lengths, is_global
    ):
        """Replace the outputs of global tokens, if they have their own projections.

        Returns:
            `(output, cache)`.
        """
        return output, cache
