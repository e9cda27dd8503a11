"""Stacked LSTM or GRU with its state as an explicit input and output."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.ops.recurrent_scan import gru, lstm

_CELLS = {
    # name: (scan, gates, state tensors)
    "lstm": (lstm, 4, 2),
    "gru": (gru, 3, 1),
}


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentStack(keras.layers.Layer):
    """Recurrent layers one upon another, any batch size, state in and state out.

    Padded steps leave the state as it is, wherever they stand, so that rows of
    different lengths, empty ones too, can share a batch. Weights have the layout of
    `keras.layers.LSTM` and `keras.layers.GRU`.

    Args:
        units: int. Size of every layer's state and output.
        num_layers: int. Defaults to `1`.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        dropout: float. Rate between layers. Defaults to `0.0`.
        seed: int. Seed of the dropout. Defaults to `None`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, sequence, input_dim)`.
        initial_state: list of `num_layers` tuples of tensors `(batch, units)` (two
            for an LSTM, hidden state and cell; one for a GRU). Defaults to `None`,
            zeros.
        padding_mask: bool tensor `(batch, sequence)`. Defaults to `None`.
        training: bool. Whether to drop out. Defaults to `None`.

    Returns:
        Tensor `(batch, sequence, units)`; `call_with_state` returns the state too.

    Raises:
        ValueError: If `cell` is unknown.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import RecurrentStack

    layer = RecurrentStack(units=8, num_layers=2, cell="gru")
    assert tuple(layer(np.ones((3, 20, 4), "float32")).shape) == (3, 20, 8)
    ```

    Reference:
        [Hochreiter and Schmidhuber, 1997](https://doi.org/10.1162/neco.1997.9.8.1735)
    """

    def __init__(
        self, units, num_layers=1, cell="lstm", dropout=0.0, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        if cell not in _CELLS:
            raise ValueError(f"`cell` must be 'lstm' or 'gru'. Received: cell={cell!r}")
        self.units = units
        self.num_layers = num_layers
        self.cell = cell
        self.dropout = dropout
        self.seed = seed
        self.supports_masking = True

    def build(self, inputs_shape, *_):
        _, gates, _ = _CELLS[self.cell]
        input_dim = inputs_shape[-1]
        self.cell_weights = []
        for i in range(self.num_layers):
            kernel = self.add_weight(
                shape=(input_dim, gates * self.units),
                initializer="glorot_uniform",
                name=f"kernel_{i}",
            )
            recurrent_kernel = self.add_weight(
                shape=(self.units, gates * self.units),
                initializer=_orthogonal,
                name=f"recurrent_kernel_{i}",
            )
            bias = self._add_bias(i)
            self.cell_weights.append((kernel, recurrent_kernel, bias))
            input_dim = self.units
        self.dropout_layer = keras.layers.Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout"
        )

    def _add_bias(self, i):
        if self.cell == "gru":
            return self.add_weight(
                shape=(2, 3 * self.units), initializer="zeros", name=f"bias_{i}"
            )

        def forget_open(shape, dtype=None, **_):
            # A forget gate that starts open lets gradients reach far back.
            ones, zeros = keras.initializers.Ones(), keras.initializers.Zeros()
            return ops.concatenate(
                [
                    zeros((self.units,), dtype=dtype),
                    ones((self.units,), dtype=dtype),
                    zeros((2 * self.units,), dtype=dtype),
                ]
            )

        return self.add_weight(
            shape=(4 * self.units,), initializer=forget_open, name=f"bias_{i}"
        )

    def call(self, inputs, initial_state=None, padding_mask=None, training=None):
        outputs, _ = self.call_with_state(
            inputs, initial_state, padding_mask, training=training
        )
        return outputs

    def call_with_state(
        self, inputs, initial_state=None, padding_mask=None, training=None
    ):
        """As a call, but returns `(outputs, state)`."""
        scan, _, _ = _CELLS[self.cell]
        if initial_state is None:
            initial_state = self.initial_state(ops.shape(inputs)[0])
        outputs, state = inputs, []
        for i, weights in enumerate(self.cell_weights):
            if i > 0:
                outputs = self.dropout_layer(outputs, training=training)
            weights = [ops.cast(w, self.compute_dtype) for w in weights]
            outputs, layer_state = scan(
                outputs, initial_state[i], *weights, padding_mask=padding_mask
            )
            state.append(tuple(layer_state))
        return outputs, state

    def initial_state(self, batch_size):
        """A state of zeros.

        Args:
            batch_size: int or scalar tensor.

        Returns:
            list of `num_layers` tuples of tensors `(batch, units)`.
        """
        _, _, num_tensors = _CELLS[self.cell]
        zeros = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [(zeros,) * num_tensors for _ in range(self.num_layers)]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "cell": self.cell,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def compute_output_shape(self, inputs_shape, *_):
        return (*inputs_shape[:-1], self.units)


def _orthogonal(shape, dtype=None):
    """Orthogonal in any precision: TensorFlow has no QR in half of it."""
    return ops.cast(keras.initializers.Orthogonal()(shape, dtype="float32"), dtype)
