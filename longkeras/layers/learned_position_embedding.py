"""Learned position embedding."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.ops.document_starts import restart
from longkeras.ops.embedding_lookup import table_rows


@keras.saving.register_keras_serializable(package="longkeras")
class LearnedPositionEmbedding(keras.layers.Layer):
    """A learned vector for each position, to be added to the token embedding.

    Without `positions`, tokens are at `first_position`, `first_position + 1` and so on.
    RoBERTa and Longformer count real tokens only and start after the row of the padding
    token: there `first_position` is `padding_id + 1`, and `positions_of` returns the
    positions. The table has `first_position + max_sequence_length` rows (Hugging Face's
    `max_position_embeddings`).

    Args:
        max_sequence_length: int. The most tokens that have a row.
        first_position: int. Row of the first token. Defaults to `0`.
        initializer: initializer of the table. Defaults to `"glorot_uniform"`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, sequence, hidden_dim)`, of which only the shape is
            used.
        positions: int tensor `(sequence,)` or `(batch, sequence)`, rows of the table.
            A position outside the table gives NaN. Defaults to `None`, consecutive
            positions.
        start_index: int or int scalar tensor. Number of earlier tokens, for consecutive
            positions. Defaults to `0`.
        document_ids: int tensor `(batch, sequence)`. Positions start anew at the
            first token of each packed document. Defaults to `None`, one document.

    Returns:
        Tensor like `inputs`.

    Raises:
        ValueError: If `max_sequence_length` is below 1, `first_position` is negative,
            or the text is longer than the table.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import LearnedPositionEmbedding

    layer = LearnedPositionEmbedding(max_sequence_length=512, first_position=2)
    token_ids = np.array([[0, 31, 32, 2, 1, 1]])
    positions = layer.positions_of(token_ids, padding_id=1)
    assert np.array(positions).tolist() == [[2, 3, 4, 5, 1, 1]]
    y = layer(np.zeros((1, 6, 8), "float32"), positions=positions)
    assert tuple(y.shape) == (1, 6, 8)
    ```

    Reference:
        [RoBERTa](https://arxiv.org/abs/1907.11692)
    """

    def __init__(
        self,
        max_sequence_length,
        first_position=0,
        initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.max_sequence_length = max_sequence_length
        self.first_position = first_position
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True
        # Cast after the lookup, so that gradients are summed in full precision.
        self.autocast = False

    @staticmethod
    def positions_of(token_ids, padding_id):
        """Return RoBERTa's positions: real tokens counted from `padding_id + 1`.

        Args:
            token_ids: int tensor `(batch, sequence)`.
            padding_id: int. Token of padding, whose position is `padding_id`.

        Returns:
            int32 tensor `(batch, sequence)`.
        """
        real = ops.cast(ops.not_equal(token_ids, padding_id), "int32")
        return ops.cumsum(real, axis=-1) * real + padding_id

    def build(self, inputs_shape):
        self.position_embeddings = self.add_weight(
            name="embeddings",
            shape=(self.first_position + self.max_sequence_length, inputs_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, inputs, positions=None, start_index=0, document_ids=None):
        length = ops.shape(inputs)[1]
        if positions is None:
            self._check_length(length, start_index)
            steps = ops.arange(length, dtype="int32")
            positions = steps + self.first_position + start_index
        if document_ids is not None:
            positions = ops.broadcast_to(positions, ops.shape(document_ids))
            positions = restart(positions, document_ids, self.first_position)
        table = ops.convert_to_tensor(self.position_embeddings)
        in_table = ops.logical_and(positions >= 0, positions < table.shape[0])
        rows = table_rows(table, ops.where(in_table, positions, 0))
        rows = ops.where(in_table[..., None], rows, float("nan"))
        rows = ops.cast(rows, self.compute_dtype)
        return ops.broadcast_to(rows, ops.shape(inputs))

    def _check_length(self, length, start_index):
        if not isinstance(length, int) or not isinstance(start_index, int):
            return
        if start_index + length > self.max_sequence_length:
            raise ValueError(
                f"A text must have at most {self.max_sequence_length} tokens here, "
                "the `max_sequence_length` of the position table: read it in windows, "
                "or make the table longer. Received: "
                f"{length} tokens from start_index={start_index}"
            )

    def get_config(self):
        return {
            **super().get_config(),
            "max_sequence_length": self.max_sequence_length,
            "first_position": self.first_position,
            "initializer": keras.initializers.serialize(self.initializer),
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
