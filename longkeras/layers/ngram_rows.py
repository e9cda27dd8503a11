"""Base class of the layers that look up n-grams."""

import keras
from keras import ops

from longkeras.argument_checks import whole_number
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.ops.embedding_lookup import table_rows


class NGramRows(keras.layers.Layer):
    """Looks up one row of a table for each n-gram size, concatenates and projects them.

    A subclass defines `table_size`, the number of rows, and chooses rows in `call`.
    """

    def __init__(self, ngram_sizes, embedding_dim, output_dim, initializer, **kwargs):
        super().__init__(**kwargs)
        self.ngram_sizes = checked_sizes(ngram_sizes)
        self.embedding_dim = embedding_dim
        self.output_dim = output_dim
        self.initializer = keras.initializers.get(initializer)
        # Cast after the lookup, so that gradients are summed in full precision.
        self.autocast = False

    @property
    def table_size(self):
        """int, rows of the table."""
        raise NotImplementedError

    def build(self, token_ids_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.table_size, self.embedding_dim),
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

    def _projected_rows(self, indices):
        """Row indices `(batch, sequence, sizes)` to `(batch, sequence, output_dim)`."""
        rows = table_rows(ops.convert_to_tensor(self.embeddings), indices)
        width = len(self.ngram_sizes) * self.embedding_dim
        rows = ops.reshape(rows, (*ops.shape(indices)[:2], width))
        return self.output_dense(ops.cast(rows, self.compute_dtype))

    def compute_output_spec(self, token_ids, *args, **kwargs):
        shape = (*token_ids.shape, self.output_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": policy_to_save(self),
            "ngram_sizes": self.ngram_sizes,
            "embedding_dim": self.embedding_dim,
            "output_dim": self.output_dim,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def checked_sizes(ngram_sizes, name="ngram_sizes"):
    """Return the sizes of n-grams as a list.

    Args:
        ngram_sizes: list or tuple of int.
        name: str. The argument, for the error. Defaults to `"ngram_sizes"`.

    Returns:
        list of int.

    Raises:
        ValueError: If it is not a list, is empty, or has a size below 2.
    """
    if not isinstance(ngram_sizes, (list, tuple)) or not ngram_sizes:
        raise ValueError(
            f"`{name}` must be a list of one size or more. "
            f"Received: {name}={ngram_sizes!r}"
        )
    return [whole_number(name, size, 2) for size in ngram_sizes]
