"""Embeddings that train alike on every backend.

They keep the names of their Keras classes, because files of weights name layers by
class. `longkeras.ops.embedding_lookup` says what differs.
"""

import keras
import keras_hub
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


def _rows(layer, inputs):
    rows = table_rows(layer.embeddings, ops.cast(inputs, "int32"))
    return ops.cast(rows, layer.compute_dtype)
