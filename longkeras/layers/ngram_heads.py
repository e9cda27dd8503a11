"""Attention heads that need no learning to find a repetition."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_embedding import checked_sizes
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.ops.ngram_followers import ngram_followers
from longkeras.ops.table_rows import table_rows


@keras.saving.register_keras_serializable(package="longkeras")
class NGramHeads(keras.layers.Layer):
    """Recalls what followed the last n tokens when they last stood in the text.

    A head of order n looks at one place: behind the latest earlier occurrence of the
    last n tokens. There stands what comes next if the text repeats itself, as names and
    phrases do. Attention has to learn such heads, which takes a small model longer than
    it is trained; these are given, and only what their finding is worth is learnt. The
    tokens found, one a size, are embedded by one small table and go through one
    projection. Costs a sort of the text, whatever the window.

    Args:
        ngram_sizes: list of int, each at least 2. Orders of the heads.
        window: int. How many tokens back an occurrence is looked for.
        vocabulary_size: int. Number of token ids.
        embedding_dim: int. Size of an embedded token.
        output_dim: int. Size of what comes out.
        initializer: initializer of table and projection. Defaults to
            `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        token_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`, no padding.
        document_ids: int tensor `(batch, sequence)`; nothing is found in another
            document. Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, reach)`, what was read before `token_ids`,
            -1 where there was nothing; not together with the two above. Defaults to
            `None`, nothing.

    Returns:
        Tensor `(batch, sequence, output_dim)`.

    Raises:
        ValueError: If a size is less than 2 or there is none, or another argument is
            no count.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import NGramHeads

    layer = NGramHeads(
        [2, 3], window=64, vocabulary_size=10, embedding_dim=4, output_dim=8
    )
    y = np.array(layer(np.array([[5, 6, 7, 5, 6]])))
    assert y.shape == (1, 5, 8)
    ```

    Reference:
        [In-Context Language Learning, section 6](https://arxiv.org/abs/2401.12973)
    """

    def __init__(
        self,
        ngram_sizes,
        window,
        vocabulary_size,
        embedding_dim,
        output_dim,
        initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.ngram_sizes = checked_sizes(ngram_sizes)
        self.window = window
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.output_dim = output_dim
        self.initializer = keras.initializers.get(initializer)
        # Rows are cast once they are taken, so that gradients are added in full.
        self.autocast = False

    @property
    def reach(self):
        """int, how many tokens before a token have a say in its vector."""
        return self.window + max(self.ngram_sizes) - 1

    def build(self, token_ids_shape):
        # The first row stands for a new n-gram, of which nothing is known.
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(1 + self.vocabulary_size, self.embedding_dim),
            initializer=self.initializer,
        )
        self.output_dense = projection(
            "output",
            len(self.ngram_sizes) * self.embedding_dim,
            self.output_dim,
            self.initializer.clone(),
            use_bias=False,
            dtype=self.dtype_policy,
        )

    def call(
        self, token_ids, padding_mask=None, document_ids=None, previous_tokens=None
    ):
        followers = ngram_followers(
            token_ids,
            self.ngram_sizes,
            self.window,
            padding_mask,
            document_ids,
            previous_tokens,
        )
        rows = table_rows(ops.convert_to_tensor(self.embeddings), 1 + followers)
        width = len(self.ngram_sizes) * self.embedding_dim
        rows = ops.reshape(rows, (*ops.shape(token_ids), width))
        return self.output_dense(ops.cast(rows, self.compute_dtype))

    def compute_output_spec(self, token_ids, *args, **kwargs):
        shape = (*token_ids.shape, self.output_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": policy_to_save(self),
            "ngram_sizes": self.ngram_sizes,
            "window": self.window,
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "output_dim": self.output_dim,
            "initializer": keras.initializers.serialize(self.initializer),
        }
