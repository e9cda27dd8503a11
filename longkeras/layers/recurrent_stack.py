"""Stacked recurrent layers with explicit state."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers import recurrent_exchange
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.ops.document_starts import first_tokens
from longkeras.ops.recurrence.cells import CELLS
from longkeras.ops.recurrence.dispatch import check_implementation, recurrent_layer


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentStack(keras.layers.Layer):
    """Stacked LSTM, GRU or plain RNN, with the state as an input and an output.

    Padded steps, wherever they are, leave the state unchanged and output zeros, so that
    rows of different lengths, even empty ones, can share a batch. Weights have the
    layout of `keras.layers.LSTM`, of `keras.layers.GRU` with `reset_after=True`, and of
    `keras.layers.SimpleRNN`.

    Args:
        units: int. Size of every layer's state and output.
        num_layers: int. Defaults to `1`.
        cell: `"lstm"`, `"gru"` or `"rnn"` (plain, with a tanh). Defaults to `"lstm"`.
        dropout: float. Rate between layers. Defaults to `0.0`.
        input_dropout: float. Rate of the inputs. Defaults to `0.0`.
        output_dropout: float. Rate of the outputs. Defaults to `0.0`.
        weight_dropout: float. Rate of the recurrent weights, drawn once per call.
            Defaults to `0.0`.
        locked_dropout: bool. Whether dropout of inputs, outputs and between layers
            drops the same units at every step. Defaults to `False`.
        implementation: `"auto"`, `"scan"`, or `"fused"` for the backend's layers;
            see `longkeras.ops.explain_recurrence`. Defaults to `"auto"`.
        seed: int. Seed of the dropout. Defaults to `None`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, sequence, input_dim)`.
        initial_state: list of `num_layers` tuples of tensors `(batch, units)` (two
            for an LSTM, hidden state and cell; else one). Defaults to `None`, zeros.
        padding_mask: bool tensor `(batch, sequence)`. Defaults to `None`.
        document_ids: int tensor `(batch, sequence)`. The state is reset where the id
            changes from one token to the next. Defaults to `None`.
        training: bool. Whether to apply dropout. Defaults to `None`.

    Returns:
        Tensor `(batch, sequence, units)`; `call_with_state` returns the state too.

    Raises:
        ValueError: If `cell` or `implementation` is unknown.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import RecurrentStack

    layer = RecurrentStack(units=8, num_layers=2, cell="gru")
    assert tuple(layer(np.ones((3, 20, 4), "float32")).shape) == (3, 20, 8)
    ```

    Reference:
        [Hochreiter and Schmidhuber, 1997](https://doi.org/10.1162/neco.1997.9.8.1735);
        dropout of [Gal and Ghahramani](https://arxiv.org/abs/1512.05287) and
        [Merity et al.](https://arxiv.org/abs/1708.02182)
    """

    def __init__(
        self,
        units,
        num_layers=1,
        cell="lstm",
        dropout=0.0,
        input_dropout=0.0,
        output_dropout=0.0,
        weight_dropout=0.0,
        locked_dropout=False,
        implementation="auto",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(locals())
        if cell not in CELLS:
            raise ValueError(
                f"`cell` must be one of {tuple(CELLS)}. Received: cell={cell!r}"
            )
        check_implementation(implementation)
        self.units = units
        self.num_layers = num_layers
        self.cell = cell
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.weight_dropout = weight_dropout
        self.locked_dropout = locked_dropout
        self.implementation = implementation
        self.seed = seed
        self.supports_masking = True

    def build(self, inputs_shape, *_):
        columns = CELLS[self.cell].num_gates * self.units
        input_dim = inputs_shape[-1]
        self.cell_weights = []
        for i in range(self.num_layers):
            kernel = self.add_weight(
                shape=(input_dim, columns),
                initializer="glorot_uniform",
                name=f"kernel_{i}",
            )
            recurrent_kernel = self.add_weight(
                shape=(self.units, columns),
                initializer=_orthogonal,
                name=f"recurrent_kernel_{i}",
            )
            self.cell_weights.append((kernel, recurrent_kernel, self._add_bias(i)))
            input_dim = self.units
        self.dropout_layer = self._dropout(self.dropout, 0, "dropout")
        self.input_dropout_layer = self._dropout(self.input_dropout, 1, "input_dropout")
        self.output_dropout_layer = self._dropout(
            self.output_dropout, 2, "output_dropout"
        )
        self.weight_dropout_layer = CounterDropout(
            self.weight_dropout,
            seed=self._seed(3),
            dtype=self.dtype_policy,
            name="weight_dropout",
        )

    def _dropout(self, rate, number, name):
        return CounterDropout(
            rate,
            # Time-major: the same for all steps.
            noise_shape=(1, None, None) if self.locked_dropout else None,
            seed=self._seed(number),
            dtype=self.dtype_policy,
            name=name,
        )

    def _seed(self, number):
        return None if self.seed is None else self.seed + number

    def _add_bias(self, i):
        columns = CELLS[self.cell].num_gates * self.units
        shape = (2, columns) if CELLS[self.cell].has_two_biases else (columns,)

        def forget_open(shape, dtype=None, **_):
            # An open forget gate lets gradients reach far back.
            is_forget = ops.arange(shape[-1]) // self.units == 1
            return ops.cast(is_forget, dtype)

        initializer = forget_open if self.cell == "lstm" else "zeros"
        return self.add_weight(shape=shape, initializer=initializer, name=f"bias_{i}")

    def call(
        self,
        inputs,
        initial_state=None,
        padding_mask=None,
        document_ids=None,
        training=None,
    ):
        outputs, _ = self.call_with_state(
            inputs, initial_state, padding_mask, document_ids, training
        )
        return outputs

    def call_with_state(
        self,
        inputs,
        initial_state=None,
        padding_mask=None,
        document_ids=None,
        training=None,
    ):
        """Like a call, but return `(outputs, state)`."""
        if initial_state is None:
            initial_state = self.initial_state(ops.shape(inputs)[0])
        stays = None
        if document_ids is not None:
            stays = ops.logical_not(first_tokens(document_ids, padding_mask))
        is_real = _over_time(padding_mask)
        stays = _over_time(stays)
        outputs, state = ops.swapaxes(inputs, 0, 1), []
        outputs = self.input_dropout_layer(outputs, training=training)
        for i, weights in enumerate(self.cell_weights):
            if i > 0:
                outputs = self.dropout_layer(outputs, training=training)
            kernel, recurrent_kernel, bias = (
                ops.cast(weight, self.compute_dtype) for weight in weights
            )
            recurrent_kernel = self.weight_dropout_layer(
                recurrent_kernel, training=training
            )
            outputs, layer_state = recurrent_layer(
                self.cell,
                outputs,
                tuple(initial_state[i]),
                (kernel, recurrent_kernel, bias),
                is_real,
                stays,
                self.implementation,
            )
            state.append(layer_state)
        outputs = self.output_dropout_layer(outputs, training=training)
        return ops.swapaxes(outputs, 0, 1), state

    def initial_state(self, batch_size):
        """Return a state of zeros.

        Args:
            batch_size: int or scalar tensor.

        Returns:
            list of `num_layers` tuples of tensors `(batch, units)`.
        """
        zeros = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        num_states = CELLS[self.cell].num_states
        return [(zeros,) * num_states for _ in range(self.num_layers)]

    def reset_rows(self, state, is_new):
        """Reset the state of some rows to zero.

        Args:
            state: from `initial_state` or `call_with_state`.
            is_new: bool tensor `(batch,)`, True for rows that start another text.

        Returns:
            The new state.
        """
        keeps = ops.logical_not(ops.cast(is_new, "bool"))[:, None]
        return [
            tuple(ops.where(keeps, x, ops.zeros_like(x)) for x in layer)
            for layer in state
        ]

    @classmethod
    def from_keras_layers(cls, layers, **kwargs):
        """Create a stack with the weights of layers of Keras.

        Args:
            layers: list of built layers, all `keras.layers.LSTM`, all `GRU` (with
                `reset_after=True`) or all `SimpleRNN`, with equal units, default
                activations and biases.
            **kwargs: further arguments of the stack.

        Returns:
            `RecurrentStack`, built.

        Raises:
            ValueError: If a stack cannot compute the same.
        """
        stack = cls(**recurrent_exchange.stack_arguments(layers), **kwargs)
        stack.build((None, None, layers[0].cell.kernel.shape[0]))
        for weights, layer in zip(stack.cell_weights, layers, strict=True):
            for weight, value in zip(weights, layer.get_weights(), strict=True):
                weight.assign(value)
        return stack

    def to_keras_layers(self):
        """Return layers of Keras that compute the same, without dropout.

        Returns:
            list of built `keras.layers.LSTM`, `GRU` or `SimpleRNN`, with
            `return_sequences=True`, with copies of the weights.
        """
        return [
            recurrent_exchange.keras_layer(self.cell, weights, self.dtype_policy)
            for weights in self.cell_weights
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "cell": self.cell,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "output_dropout": self.output_dropout,
            "weight_dropout": self.weight_dropout,
            "locked_dropout": self.locked_dropout,
            "implementation": self.implementation,
            "seed": self.seed,
        }

    def compute_output_shape(self, inputs_shape, *_):
        return (*inputs_shape[:-1], self.units)


def _over_time(mask):
    """Transpose a mask `(batch, sequence)` to bool `(sequence, batch, 1)`."""
    if mask is None:
        return None
    return ops.swapaxes(ops.cast(mask, "bool"), 0, 1)[:, :, None]


def _orthogonal(shape, dtype=None):
    """Orthogonal in any dtype: TensorFlow has no QR in half precision."""
    return ops.cast(keras.initializers.Orthogonal()(shape, dtype="float32"), dtype)
