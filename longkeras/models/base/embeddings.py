"""Embeddings that train alike on every backend.

They keep the names of their Keras classes, because files of weights name layers by
class. `longkeras.ops.embedding_lookup` says what differs.
"""

import keras
import keras_hub
import numpy as np
from keras import ops

from longkeras.ops.embedding_lookup import table_rows


@keras.saving.register_keras_serializable(package="longkeras")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding` whose gradient is the sum over a row's uses."""

    def call(self, inputs):
        return _rows(self, inputs)

    def quantize(self, mode=None, type_check=True, config=None):
        """See `keras.layers.Embedding`, which refuses subclasses."""
        super().quantize(mode, type_check=False, config=config)


@keras.saving.register_keras_serializable(package="longkeras")
class ReversibleEmbedding(keras_hub.layers.ReversibleEmbedding):
    """`keras_hub.layers.ReversibleEmbedding` with the same gradient, tied or not."""

    def call(self, inputs, reverse=False):
        if reverse:
            return super().call(inputs, reverse=True)
        return _rows(self, inputs)

    def quantize(self, mode=None, type_check=True, config=None):
        """See `keras.layers.ReversibleEmbedding`, which refuses subclasses."""
        super().quantize(mode, type_check=False, config=config)


def with_word_vectors(table, vectors, vocabulary):
    """Replace rows of an embedding table by vectors of words.

    Args:
        table: float array `(vocabulary_size, hidden_dim)`.
        vectors: dict of word to vector `(hidden_dim,)`.
        vocabulary: dict of token to id.

    Returns:
        (table, missing): a new table, and a list of the tokens without a vector,
        whose rows are unchanged.
    """
    table = np.array(table)
    if max(vocabulary.values()) >= len(table):
        raise ValueError(
            f"`tokenizer` must have at most {len(table)} tokens, the rows of the "
            f"embedding. Received: a tokenizer with {max(vocabulary.values()) + 1}"
        )
    for token, i in vocabulary.items():
        if token not in vectors:
            continue
        vector = np.asarray(vectors[token])
        if vector.shape != table.shape[1:]:
            raise ValueError(
                f"`embeddings` must have vectors of shape {table.shape[1:]}. Received: "
                f"a vector of shape {vector.shape} for {token!r}"
            )
        table[i] = vector
    missing = [token for token in vocabulary if token not in vectors]
    if len(missing) == len(vocabulary):
        raise ValueError(
            "`embeddings` must have a vector for a token of the `tokenizer`. Received: "
            f"vectors of {list(vectors)[:3]}, and tokens such as {missing[-3:]}"
        )
    return table, missing


def _rows(layer, inputs):
    rows = table_rows(layer.embeddings, ops.cast(inputs, "int32"))
    return ops.cast(rows, layer.compute_dtype)
