"""N-gram heads: lookup of the token that followed a repeated n-gram."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_rows import NGramRows
from longkeras.ops.ngrams.followers import ngram_followers


@keras.saving.register_keras_serializable(package="longkeras")
class NGramHeads(NGramRows):
    """Embeds the token that followed the previous occurrence of the last n tokens.

    If the text repeats itself, as with names and phrases, that is the next token.
    Attention can learn such induction heads, but a small model is rarely trained for
    long enough. Here the lookup is fixed, and only its use is learned. The tokens that
    are found, one for each size, share one small embedding table and are projected
    together. The cost is one sort of the text, independent of the window; a single new
    token is compared with the tokens in the window.

    Args:
        ngram_sizes: list of int, each at least 2. N-gram sizes of the heads.
        window: int. Number of tokens back that are searched.
        vocabulary_size: int. Number of token ids.
        embedding_dim: int. Size of an embedded token.
        output_dim: int. Size of the outputs.
        initializer: initializer of the table and the projection. Defaults to
            `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        token_ids: int tensor `(batch, sequence)`.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`, no padding.
        document_ids: int tensor `(batch, sequence)`. Other documents are not searched.
            Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, reach)`, the tokens before `token_ids`, -1
            where there is none; not together with the two above. Defaults to `None`,
            none.

    Returns:
        Tensor `(batch, sequence, output_dim)`.

    Raises:
        ValueError: If `ngram_sizes` is empty or has a size below 2, or another size is
            not a positive int.

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
        check_arguments(locals())
        super().__init__(ngram_sizes, embedding_dim, output_dim, initializer, **kwargs)
        self.window = window
        self.vocabulary_size = vocabulary_size

    @property
    def reach(self):
        """int, the number of earlier tokens that an output depends on."""
        return self.window + max(self.ngram_sizes) - 1

    @property
    def table_size(self):
        """int, rows of the table."""
        # The first row is for n-grams that did not occur before.
        return 1 + self.vocabulary_size

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
        return self._projected_rows(1 + followers)

    def get_config(self):
        return {
            **super().get_config(),
            "window": self.window,
            "vocabulary_size": self.vocabulary_size,
        }
