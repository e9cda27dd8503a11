"""Inputs that may be left out, and checks of those that are given."""

import contextlib
import contextvars

import keras
import numpy as np
from keras import ops

from longkeras.models.base.index_checks import InputLimits, extents_of, length_of

# Values are fetched from a device to be checked, so each batch is checked once.
_is_checked = contextvars.ContextVar("is_checked", default=False)
_FOR_TEXTS = (
    "strings need a model with a `preprocessor`: give it one, or load it from a folder "
    "with a tokenizer (tokenizer.json, vocab.json, vocab.txt or such)"
)


class DefaultInputs:
    """Fills in what is not given, or None, before Keras checks the structure.

    `padding_mask` is then all ones. Whatever indexes a table is compared with the
    table's size, if its values are there: not while a function is being traced. A
    family overrides `checked` to refuse more, and `filled` to fill in more.

    Mixin. Must precede `keras.Model`.
    """

    # Whether the length of a text is limited by a table of positions.
    has_position_table = False

    def __call__(self, inputs, *args, **kwargs):
        inputs = self.complete(inputs)
        with _checked_already():
            return super().__call__(inputs, *args, **kwargs)

    def train_step(self, *args, **kwargs):
        """See `keras.Model.train_step`; the batch has been checked before."""
        with _checked_already():
            return super().train_step(*args, **kwargs)

    def test_step(self, *args, **kwargs):
        """See `keras.Model.test_step`; the batch has been checked before."""
        with _checked_already():
            return super().test_step(*args, **kwargs)

    def predict_step(self, *args, **kwargs):
        """See `keras.Model.predict_step`; the batch has been checked before."""
        with _checked_already():
            return super().predict_step(*args, **kwargs)

    def input_limits(self):
        """Sizes of the tables that the inputs index.

        Returns:
            `longkeras.models.base.index_checks.InputLimits`.
        """
        backbone = self if not hasattr(self, "preprocessor") else self.backbone
        return InputLimits.of(backbone, self.has_position_table)

    def call(self, inputs, training=None, mask=None):
        # Stateless calls come here without `__call__`.
        return self.read(self.complete(inputs), training=training, mask=mask)

    def read(self, inputs, training=None, mask=None):
        """The model's outputs for inputs that are complete.

        Args:
            inputs: dict of tensors.
            training: bool. Defaults to `None`.
            mask: See `keras.Model.call`. Defaults to `None`.

        Returns:
            As of a call.
        """
        return super().call(inputs, training=training, mask=mask)

    def known_inputs(self):
        """Names of all inputs that may be given.

        Returns:
            list of str.
        """
        return [x.name for x in self.inputs]

    def complete(self, inputs):
        """All inputs of the model, from those that were given.

        Args:
            inputs: dict of tensors, arrays or lists `(batch, sequence)`, with
                `token_ids`.

        Returns:
            dict of int32 tensors.

        Raises:
            ValueError: If `token_ids` are missing, or an input is not as it may be.
        """
        given = self.checked(inputs)
        given = {name: _tensor(x) for name, x in given.items()}
        ones = ops.ones_like(given["token_ids"], dtype="int32")
        given.setdefault("padding_mask", ones)
        return self.filled(given)

    def check_token_ids(self, token_ids):
        """Refuse tokens without an embedding, if their values are there.

        Args:
            token_ids: array or tensor of any shape; nothing is known of one that is
                being traced.

        Raises:
            ValueError: If an id is no row of the table.
        """
        self.input_limits().check(extents_of({"token_ids": token_ids}), None)

    def checked(self, inputs):
        """What was given and is not None, if it may be given.

        Args:
            inputs: See `complete`.

        Returns:
            dict of tensors or arrays.

        Raises:
            ValueError: If it is no dict, `token_ids` are missing, an input is unknown,
                rows are of different lengths, or an id lies beyond its table.
        """
        if not isinstance(inputs, dict):
            raise ValueError(
                f"`inputs` must be a dict with `token_ids`; {_FOR_TEXTS}. "
                f"Received: inputs of type {type(inputs).__name__}"
            )
        given = {name: _array(name, x) for name, x in inputs.items() if x is not None}
        known = sorted(self.known_inputs())
        if "token_ids" not in given or not set(given) <= set(known):
            raise ValueError(
                "`inputs` must be a dict with `token_ids`, and no others than "
                f"{known}; {_FOR_TEXTS}. Received: {sorted(given)}"
            )
        extents = {} if _is_checked.get() else extents_of(given)
        self.input_limits().check(extents, length_of(given))
        return given

    def filled(self, given):
        """All inputs, from those that were given: here the same.

        Args:
            given: dict of int32 tensors, `token_ids` and `padding_mask` among them.

        Returns:
            dict of tensors, of which one that is optional may be None.
        """
        return given


@contextlib.contextmanager
def _checked_already():
    token = _is_checked.set(True)
    try:
        yield
    finally:
        _is_checked.reset(token)


def _array(name, x):
    if not isinstance(x, (list, tuple)):
        return x
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"The rows of `{name}` must have one length: pad them, and give a "
            f"`padding_mask`. Received: {name}={str(x)[:200]}"
        ) from error


def _tensor(x):
    return x if isinstance(x, keras.KerasTensor) else ops.convert_to_tensor(x, "int32")
