"""What recurrent models are given: what may be left out, and what is refused."""

import keras
from keras import ops

_INPUTS = ("token_ids", "padding_mask", "document_ids")


class RecurrentInputs:
    """Takes packed documents, and does without a mask.

    `padding_mask` is all ones where it is not given, or None. `document_ids` are no
    input of the functional model, since texts that are not packed need not pay for
    them: where they are given, `read_documents` runs instead. A mixin, to stand before
    `keras.Model`.
    """

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(self.complete(inputs), *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        # Stateless calls come here without `__call__`.
        inputs = self.complete(inputs)
        if "document_ids" in inputs:
            return self.read_documents(inputs, training)
        return super().call(inputs, training=training, mask=mask)

    def read_documents(self, inputs, training=None):
        """The model's outputs for packed documents.

        Args:
            inputs: dict of `token_ids`, `padding_mask` and `document_ids`.
            training: bool. Defaults to `None`.

        Returns:
            As of a call.
        """
        raise NotImplementedError

    def complete(self, inputs):
        """All inputs of the model, from those that were given.

        Args:
            inputs: dict of tensors `(batch, sequence)`, with `token_ids`.

        Returns:
            dict of `token_ids`, `padding_mask` and, where given, `document_ids`.

        Raises:
            ValueError: If `token_ids` are missing, or an input is unknown.
        """
        given = dict(inputs) if isinstance(inputs, dict) else {}
        given = {name: x for name, x in given.items() if x is not None}
        unknown = sorted(set(given) - set(_INPUTS))
        if "token_ids" not in given or unknown:
            raise ValueError(
                "`inputs` must be a dict with `token_ids`, and no others than "
                f"{_INPUTS}. Received: {sorted(given)}"
            )
        # Keras takes either tensors or arrays, not both.
        given = {name: _tensor(x) for name, x in given.items()}
        if "padding_mask" not in given:
            given["padding_mask"] = ops.ones_like(given["token_ids"], dtype="int32")
        return given


def _tensor(x):
    return x if isinstance(x, keras.KerasTensor) else ops.convert_to_tensor(x, "int32")
