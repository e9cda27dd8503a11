"""Token embeddings with n-gram features, the first layers of causal models."""

import keras
from keras import ops

from longkeras.layers.ngram_embedding import NGramEmbedding
from longkeras.layers.ngram_features import NGramFeatures
from longkeras.layers.ngram_heads import NGramHeads
from longkeras.models.base.initializers import layer_initializer

# Arguments in configs saved by earlier versions, and those of `NGramFeatures`.
_EARLIER_ARGUMENTS = {
    "ngram_sizes": "sizes",
    "ngram_bins": "num_bins",
    "ngram_dim": "embedding_dim",
    "ngram_head_sizes": "head_sizes",
    "ngram_head_window": "head_window",
    "ngram_head_dim": "head_dim",
}


class NGramTokenEmbedding:
    """Embeds tokens together with their n-gram features, if the model has any.

    Mixin for backbones with a `token_embedding`. Must precede the Keras class in the
    bases. The backbone takes `ngram_features` and passes it to `add_ngram_layers`.
    """

    ngram_embedding = None
    ngram_heads = None

    def __init__(self, *args, **kwargs):
        for name in sorted(_EARLIER_ARGUMENTS.keys() & kwargs.keys()):
            raise ValueError(
                f"`{name}` is now an argument of `NGramFeatures`: pass `ngram_features="
                f"longkeras.layers.NGramFeatures({_EARLIER_ARGUMENTS[name]}=...)`. "
                f"Received: {name}={kwargs[name]!r}"
            )
        super().__init__(*args, **kwargs)

    @classmethod
    def from_config(cls, config):
        """Create the model from its config, or one of an earlier version."""
        config = dict(config)
        earlier = {
            new: config.pop(old)
            for old, new in _EARLIER_ARGUMENTS.items()
            if old in config
        }
        if earlier.get("sizes") or earlier.get("head_sizes"):
            config["ngram_features"] = NGramFeatures(**earlier)
        elif isinstance(config.get("ngram_features"), dict):
            config["ngram_features"] = keras.saving.deserialize_keras_object(
                config["ngram_features"]
            )
        return super().from_config(config)

    def add_ngram_layers(
        self, features, vocabulary_size, hidden_dim, seed, dtype, max_length=None
    ):
        """Create `ngram_embedding` and `ngram_heads`, where the features have them.

        Args:
            features: `longkeras.layers.NGramFeatures`, or None.
            vocabulary_size: int.
            hidden_dim: int.
            seed: int or None. The model's.
            dtype: string, `keras.DTypePolicy` or None.
            max_length: int or None. The model's longest text, which limits the window
                of the heads. Defaults to `None`.
        """
        if features is None:
            return
        if not isinstance(features, NGramFeatures):
            raise ValueError(
                "`ngram_features` must be a `longkeras.layers.NGramFeatures` or None. "
                f"Received: ngram_features={features!r}"
            )
        if features.sizes is not None:
            self.ngram_embedding = NGramEmbedding(
                features.sizes,
                num_bins=features.num_bins,
                embedding_dim=features.embedding_dim,
                output_dim=hidden_dim,
                initializer=layer_initializer(seed, -2),
                dtype=dtype,
                name="ngram_embedding",
            )
        if features.head_sizes is not None:
            self.ngram_heads = NGramHeads(
                features.head_sizes,
                window=min(features.head_window, max_length or features.head_window),
                vocabulary_size=vocabulary_size,
                embedding_dim=features.head_dim,
                output_dim=hidden_dim,
                initializer=layer_initializer(seed, -3),
                dtype=dtype,
                name="ngram_heads",
            )

    @property
    def token_reach(self):
        """int, number of preceding tokens that affect the embedding of a token."""
        return max((layer.reach for layer in self._ngram_layers), default=0)

    def embed(self, token_ids, padding_mask=None, document_ids=None):
        """Embed whole texts; the masks are `(batch, sequence)` as `token_ids`, or None.

        Returns a tensor `(batch, sequence, hidden_dim)`.
        """
        x = self.token_embedding(token_ids)
        for layer in self._ngram_layers:
            x = x + layer(token_ids, padding_mask, document_ids)
        return x

    def initial_tokens(self, batch_size):
        """Return the state of `embed_chunk` before the first token.

        A dict, empty without n-grams: `recent_tokens`, int32 `(batch, reach)`.
        """
        if not self.token_reach:
            return {}
        shape = (batch_size, self.token_reach)
        return {"recent_tokens": ops.full(shape, -1, dtype="int32")}

    def embed_chunk(self, token_ids, lengths, state):
        """Embed tokens that continue a text.

        Args:
            token_ids: int tensor `(batch, chunk)`, real tokens first.
            lengths: int tensor `(batch,)`, number of real tokens.
            state: dict returned by `initial_tokens` or by this function.

        Returns:
            `(vectors, state)`: `(batch, chunk, hidden_dim)`, unspecified at padding,
            and the dict for the next chunk.
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
