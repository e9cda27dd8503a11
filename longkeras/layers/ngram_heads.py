"""Attention heads that need no learning to find a repetition."""

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_rows import NGramRows
from longkeras.ops.ngrams.followers import ngram_followers


@keras.saving.register_keras_serializable(package="longkeras")
class NGramHeads(NGramRows):
    """Recalls what followed the last n tokens when they last stood in the text.

    A head of order n looks at one place: behind the latest earlier occurrence of the
    last n tokens. There stands what comes next if the text repeats itself, as names and
    phrases do. Attention has to learn such heads, which takes a small model longer than
    it is trained; these are given, and only what their finding is worth is learnt. The
    tokens found, one a size, are embedded by one small table and go through one
    projection. Costs a sort of the text, whatever the window; a single token is
    compared with the window.

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
        check_arguments(locals())
        super().__init__(ngram_sizes, embedding_dim, output_dim, initializer, **kwargs)
        self.window = window
        self.vocabulary_size = vocabulary_size

    @property
    def reach(self):
        """int, how many tokens before a token have a say in its vector."""
        return self.window + max(self.ngram_sizes) - 1

    @property
    def table_size(self):
        """int, rows of the table."""
        # The first row stands for a new n-gram, of which nothing is known.
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
