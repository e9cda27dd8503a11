"""What a causal Transformer is given, and what may be left out."""

import keras
from keras import ops

from longkeras.models.base.default_inputs import DefaultInputs
from longkeras.models.base.strict_arguments import StrictArguments


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


class CausalInputs(StrictArguments, DefaultInputs):
    """Fills in what is not given, or None.

    `padding_mask` is then all ones, `global_attention_mask` all zeros, and
    `document_ids` stays None: one document. A mixin, to stand before `keras.Model`.
    """

    def checked(self, inputs):
        """See `DefaultInputs.checked`; explains where tokens may not be global."""
        name = "global_attention_mask"
        is_given = isinstance(inputs, dict) and inputs.get(name) is not None
        if is_given and name not in self.known_inputs():
            raise ValueError(
                "`global_attention_mask` needs a backbone that was made with "
                "`use_global_attention=True`. Received: "
                f"inputs with {sorted(inputs)}"
            )
        return super().checked(inputs)

    def filled(self, given):
        """See `DefaultInputs.filled`."""
        zeros = ops.zeros_like(given["token_ids"], dtype="int32")
        given = {"global_attention_mask": zeros, **given}
        return {name: given.get(name) for name in self.known_inputs()}
