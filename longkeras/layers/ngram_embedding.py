"""Hashed embeddings of n-grams."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_rows import NGramRows
from longkeras.ops.ngrams.codes import ngram_bins


@keras.saving.register_keras_serializable(package="longkeras")
class NGramEmbedding(NGramRows):
    """Embeds the last n tokens at each position, for several n.

    Added to the token embedding, it lets a model of bytes recognise words or Chinese
    characters before its first layer. The row of an n-gram is chosen by a hash; n-grams
    of all sizes share one table. A token reads only a few rows of the table, so the
    layer costs memory but little time.

    Args:
        ngram_sizes: list of int, each at least 2. The numbers of tokens that are
            looked up together.
        num_bins: int. Rows of the table.
        embedding_dim: int. Size of a row. The rows of a token's n-grams are
            concatenated and projected.
        output_dim: int. Size of the outputs.
        initializer: initializer of the table and the projection. Defaults to
            `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        token_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding, which is part
            of no n-gram. Defaults to `None`, no padding.
        document_ids: int tensor `(batch, sequence)`. N-grams do not cross documents.
            Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, reach)`, the tokens before `token_ids`, -1
            where there is none. Defaults to `None`, none.

    Returns:
        Tensor `(batch, sequence, output_dim)`.

    Raises:
        ValueError: If `ngram_sizes` is empty or has a size below 2, or another size is
            not a positive int.

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
        """int, the number of earlier tokens that an output depends on."""
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
