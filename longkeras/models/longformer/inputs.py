"""Inputs of the family: defaults of those left out, and checks of all."""

import keras
import numpy as np
from keras import ops

from longkeras.models.base.default_inputs import DefaultInputs
from longkeras.models.base.strict_arguments import StrictArguments
from longkeras.models.longformer.input_checks import check_mask, check_shapes


def functional_inputs():
    """The inputs of a functional model, every one of them present.

    Returns:
        dict of symbolic int32 tensors `(batch, sequence)`.
    """
    names = ("token_ids", "padding_mask", "global_attention_mask", "segment_ids")
    return {name: keras.Input((None,), dtype="int32", name=name) for name in names}


class OptionalInputs(StrictArguments, DefaultInputs):
    """Fills in what is not given, or None, and refuses what cannot be meant.

    `padding_mask` is then all ones, `segment_ids` all zeros, and
    `global_attention_mask` what the model's rule says by `global_tokens_of`; a mask
    that is given, all zeros too, is taken as it is. A mixin, to stand before
    `keras.Model`.
    """

    has_position_table = True

    def global_tokens_of(self, inputs):
        """The global tokens where no mask says: none.

        Args:
            inputs: dict of the other inputs, complete.

        Returns:
            int32 tensor `(batch, sequence)`, 1 at global tokens.
        """
        return ops.zeros_like(inputs["token_ids"], dtype="int32")

    def checked(self, inputs):
        """See `DefaultInputs.checked`.

        Args:
            inputs: See `DefaultInputs.complete`.

        Returns:
            dict of tensors or arrays.

        Raises:
            ValueError: Also if an input is of another shape, or a mask holds other
                numbers than 0 and 1.
        """
        given = super().checked(inputs)
        check_shapes(given)
        for name, values in given.items():
            if name.endswith("_mask") and isinstance(values, np.ndarray):
                check_mask(name, values)
        return given

    def filled(self, given):
        """See `DefaultInputs.filled`."""
        zeros = ops.zeros_like(given["token_ids"], dtype="int32")
        given.setdefault("segment_ids", zeros)
        if "global_attention_mask" not in given:
            given["global_attention_mask"] = self.global_tokens_of(given)
        return given
