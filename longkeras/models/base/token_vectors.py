"""Vectors of tokens, for the first layer of a causal model."""

from keras import ops

from longkeras.layers.ngram_embedding import NGramEmbedding
from longkeras.layers.ngram_heads import NGramHeads
from longkeras.layers.ngram_rows import checked_sizes
from longkeras.models.base.initializers import layer_initializer


class TokenVectors:
    """Embeds tokens, with their n-grams and what followed those, if a model asks.

    A mixin for backbones with a `token_embedding`, an `ngram_embedding` and
    `ngram_heads`, of which the last two may be None.
    """

    ngram_heads = None

    @property
    def token_reach(self):
        """int, how many tokens before a token have a say in its vector."""
        return max((layer.reach for layer in self._ngram_layers), default=0)

    def embed(self, token_ids, padding_mask=None, document_ids=None):
        """Vectors of whole texts.

        Args:
            token_ids: int tensor `(batch, sequence)`.
            padding_mask: tensor `(batch, sequence)`. Defaults to `None`.
            document_ids: int tensor `(batch, sequence)`. Defaults to `None`.

        Returns:
            Tensor `(batch, sequence, hidden_dim)`.
        """
        x = self.token_embedding(token_ids)
        for layer in self._ngram_layers:
            x = x + layer(token_ids, padding_mask, document_ids)
        return x

    def initial_tokens(self, batch_size):
        """What `embed_chunk` keeps, before the first token.

        Args:
            batch_size: int.

        Returns:
            dict, empty without n-grams: `recent_tokens`, int32 `(batch, reach)`.
        """
        if not self.token_reach:
            return {}
        shape = (batch_size, self.token_reach)
        return {"recent_tokens": ops.full(shape, -1, dtype="int32")}

    def embed_chunk(self, token_ids, lengths, state):
        """Vectors of tokens that follow on others.

        Args:
            token_ids: int tensor `(batch, chunk)`, real tokens first.
            lengths: int tensor `(batch,)`, how many are real.
            state: dict with what `initial_tokens` or this function returned.

        Returns:
            `(vectors, kept)`: `(batch, chunk, hidden_dim)`, unspecified at padding,
            and the dict for the next chunk.

        Raises:
            ValueError: If a token has no embedding. Of tokens that are being traced
                nothing is known.
        """
        self.check_token_ids(token_ids)
        x = self.token_embedding(token_ids)
        if not self.token_reach:
            return x, {}
        recent = state["recent_tokens"]
        for layer in self._ngram_layers:
            x = x + layer(token_ids, previous_tokens=recent[:, -layer.reach :])
        read = ops.concatenate([recent, ops.cast(token_ids, "int32")], axis=1)
        last = lengths[:, None] + ops.arange(recent.shape[1], dtype="int32")
        return x, {"recent_tokens": ops.take_along_axis(read, last, axis=1)}

    @property
    def _ngram_layers(self):
        layers = self.ngram_embedding, self.ngram_heads
        return [layer for layer in layers if layer is not None]


def ngram_embedding(ngram_sizes, ngram_bins, ngram_dim, hidden_dim, seed, dtype):
    """The layer that a backbone's arguments ask for.

    Args:
        ngram_sizes: list of int, or None.
        ngram_bins: int.
        ngram_dim: int.
        hidden_dim: int.
        seed: int or None. The model's.
        dtype: string, `keras.DTypePolicy` or None.

    Returns:
        `longkeras.layers.NGramEmbedding`, or None without sizes.
    """
    if ngram_sizes is None:
        return None
    return NGramEmbedding(
        ngram_sizes,
        num_bins=ngram_bins,
        embedding_dim=ngram_dim,
        output_dim=hidden_dim,
        initializer=layer_initializer(seed, -2),
        dtype=dtype,
        name="ngram_embedding",
    )


def ngram_heads(
    ngram_sizes,
    window,
    dim,
    vocabulary_size,
    hidden_dim,
    max_sequence_length,
    seed,
    dtype,
):
    """The layer that a backbone's arguments ask for.

    Args:
        ngram_sizes: list of int, or None.
        window: int.
        dim: int.
        vocabulary_size: int.
        hidden_dim: int.
        max_sequence_length: int, or None. The model's: heads look no farther back, as
            the state is as long as they look.
        seed: int or None. The model's.
        dtype: string, `keras.DTypePolicy` or None.

    Returns:
        `longkeras.layers.NGramHeads`, or None without sizes.
    """
    if ngram_sizes is None:
        return None
    return NGramHeads(
        checked_sizes(ngram_sizes, "ngram_head_sizes"),
        window=min(window, max_sequence_length or window),
        vocabulary_size=vocabulary_size,
        embedding_dim=dim,
        output_dim=hidden_dim,
        initializer=layer_initializer(seed, -3),
        dtype=dtype,
        name="ngram_heads",
    )
