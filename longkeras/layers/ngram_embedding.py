"""Vectors of the last few tokens, from a table that is found by hashing."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments, whole_number
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.ops.ngram_bins import ngram_bins
from longkeras.ops.table_rows import table_rows


@keras.saving.register_keras_serializable(package="longkeras")
class NGramEmbedding(keras.layers.Layer):
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
        super().__init__(**kwargs)
        check_arguments(locals())
        self.ngram_sizes = checked_sizes(ngram_sizes)
        self.num_bins = num_bins
        self.embedding_dim = embedding_dim
        self.output_dim = output_dim
        self.initializer = keras.initializers.get(initializer)
        # Rows are cast once they are taken, so that gradients are added in full.
        self.autocast = False

    @property
    def reach(self):
        """int, how many tokens before a token have a say in its vector."""
        return max(self.ngram_sizes) - 1

    def build(self, token_ids_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_bins, self.embedding_dim),
            initializer=self.initializer,
        )
        self.output_dense = projection(
            "output",
            len(self.ngram_sizes) * self.embedding_dim,
            self.output_dim,
            self.initializer,
            use_bias=False,
            dtype=self.dtype_policy,
        )

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
        rows = table_rows(ops.convert_to_tensor(self.embeddings), bins)
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
            "num_bins": self.num_bins,
            "embedding_dim": self.embedding_dim,
            "output_dim": self.output_dim,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def checked_sizes(ngram_sizes, name="ngram_sizes"):
    """The sizes of n-grams as a list.

    Args:
        ngram_sizes: list or tuple of int.
        name: str. The argument, for the error. Defaults to `"ngram_sizes"`.

    Returns:
        list of int.

    Raises:
        ValueError: If it is no list, is empty, or holds a size less than 2.
    """
    if not isinstance(ngram_sizes, (list, tuple)) or not ngram_sizes:
        raise ValueError(
            f"`{name}` must be a list of one size or more. "
            f"Received: {name}={ngram_sizes!r}"
        )
    return [whole_number(name, size, 2) for size in ngram_sizes]
