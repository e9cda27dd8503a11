"""Vectors of the last few tokens, from a table that is found by hashing."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_rows import NGramRows
from longkeras.ops.ngrams.codes import ngram_bins


@keras.saving.register_keras_serializable(package="longkeras")
class NGramEmbedding(NGramRows):
    """Embeds the last n tokens at each place, for several n at once.

    Added to the embedding of the token, it gives a model of bytes what a word or a
    Chinese character is before its first layer. The table holds many weights of which
    a token takes few, so that it costs memory and hardly any time. Every n-gram's bin
    is a hash of its tokens; n-grams of all sizes share the table.

    Args:
        ngram_sizes: list of int, each at least 2. How many tokens are looked up
            together.
        num_bins: int. Rows of the table.
        embedding_dim: int. Size of a row. The rows of a token's n-grams stand side by
            side and go through one projection.
        output_dim: int. Size of what comes out.
        initializer: initializer of table and projection. Defaults to
            `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        token_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding, which no
            n-gram sees. Defaults to `None`, no padding.
        document_ids: int tensor `(batch, sequence)`; no n-gram sees another document.
            Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, reach)`, what was read before `token_ids`,
            -1 where there was nothing. Defaults to `None`, nothing.

    Returns:
        Tensor `(batch, sequence, output_dim)`.

    Raises:
        ValueError: If a size is less than 2 or there is none, or another argument is
            no count.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import NGramEmbedding

    layer = NGramEmbedding([2, 3], num_bins=64, embedding_dim=4, output_dim=8)
    y = np.array(layer(np.array([[5, 6, 7, 5, 6]])))
    assert y.shape == (1, 5, 8)
    ```

    Reference:
        Hashed n-grams of bytes: [Byte Latent Transformer, section
        3.2.1](https://arxiv.org/abs/2412.09871)
    """

    def __init__(
        self,
        ngram_sizes,
        num_bins,
        embedding_dim,
        output_dim,
        initializer="glorot_uniform",
        **kwargs,
    ):
        check_arguments(locals())
        super().__init__(ngram_sizes, embedding_dim, output_dim, initializer, **kwargs)
        self.num_bins = num_bins

    @property
    def reach(self):
        """int, how many tokens before a token have a say in its vector."""
        return max(self.ngram_sizes) - 1

    @property
    def table_size(self):
        """int, rows of the table."""
        return self.num_bins

    def call(
        self, token_ids, padding_mask=None, document_ids=None, previous_tokens=None
    ):
        bins = ngram_bins(
            token_ids,
            self.ngram_sizes,
            self.num_bins,
            padding_mask,
            document_ids,
            previous_tokens,
        )
        return self._projected_rows(bins)

    def get_config(self):
        return {**super().get_config(), "num_bins": self.num_bins}
