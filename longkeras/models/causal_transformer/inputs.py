"""What a causal Transformer is given, and what may be left out."""

import keras
import numpy as np
from keras import ops


def functional_inputs(use_global_attention):
    """The inputs of the functional model.

    Args:
        use_global_attention: bool. Whether tokens may be global.

    Returns:
        dict of symbolic int32 tensors `(batch, sequence)`.
    """
    names = ["token_ids", "padding_mask"]
    if use_global_attention:
        names.append("global_attention_mask")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    # One document needs no comparison of documents: None goes down to the attention.
    inputs["document_ids"] = keras.Input(
        (None,), dtype="int32", name="document_ids", optional=True
    )
    return inputs


class CausalInputs:
    """Fills in what is not given, or None, before Keras checks the structure.

    `padding_mask` is then all ones, `global_attention_mask` all zeros, and
    `document_ids` stays None: one document. A mixin, to stand before `keras.Model`.
    """

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(self.complete(inputs), *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        # Stateless calls come here without `__call__`.
        return super().call(self.complete(inputs), training=training, mask=mask)

    def complete(self, inputs):
        """All inputs of the model, from those that were given.

        Args:
            inputs: dict of tensors `(batch, sequence)`, with `token_ids`.

        Returns:
            dict with every input.

        Raises:
            ValueError: If `token_ids` are missing or an input is unknown.
        """
        if not isinstance(inputs, dict):
            raise ValueError(
                "`inputs` must be a dict with `token_ids`. Received: "
                f"inputs of type {type(inputs).__name__}"
            )
        given = {name: _tensor(x) for name, x in inputs.items() if x is not None}
        known = [x.name for x in self.inputs]
        self._check_names(given, known)
        token_ids = given["token_ids"]
        given.setdefault("padding_mask", ops.ones_like(token_ids, dtype="int32"))
        if "global_attention_mask" in known:
            given.setdefault(
                "global_attention_mask", ops.zeros_like(token_ids, dtype="int32")
            )
        return {name: given.get(name) for name in known}

    def _check_names(self, given, known):
        unknown = set(given) - set(known)
        if "global_attention_mask" in unknown:
            raise ValueError(
                "`global_attention_mask` needs a backbone that was made with "
                "`use_global_attention=True`. Received: "
                f"inputs with {sorted(given)}"
            )
        if "token_ids" not in given or unknown:
            raise ValueError(
                f"`inputs` must have `token_ids`, and no others than {sorted(known)}. "
                f"Received: {sorted(given)}"
            )


def without_none(x):
    """Inputs without those that are None, which no dataset can carry."""
    if not isinstance(x, dict):
        return x
    return {name: value for name, value in x.items() if value is not None}


def _tensor(x):
    if isinstance(x, keras.KerasTensor):
        return x
    return ops.convert_to_tensor(np.asarray(x) if isinstance(x, list) else x, "int32")
