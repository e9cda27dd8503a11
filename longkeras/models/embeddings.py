"""Embeddings that train alike on every backend.

Named as the classes that they stand for, since files of weights call layers by their
class. `longkeras.ops.table_rows` says what differs.
"""

import keras
import keras_hub
from keras import ops

from longkeras.ops.table_rows import table_rows


@keras.saving.register_keras_serializable(package="longkeras")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding`, whose gradient is the sum over a row's uses."""

    def call(self, inputs):
        return _rows(self, inputs)

    def quantize(self, mode=None, type_check=True, config=None):
        """See `keras.layers.Embedding`, which refuses subclasses."""
        super().quantize(mode, type_check=False, config=config)


@keras.saving.register_keras_serializable(package="longkeras")
class ReversibleEmbedding(keras_hub.layers.ReversibleEmbedding):
    """`keras_hub.layers.ReversibleEmbedding` with the same sum, tied or not."""

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
