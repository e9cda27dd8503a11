"""Inputs of BERT, and defaults of those left out."""

import keras
from keras import ops

from longkeras.models.base.default_inputs import DefaultInputs


def functional_inputs():
    """The inputs of the functional model.

    Returns:
        dict of symbolic int32 tensors `(batch, sequence)`.
    """
    names = ("token_ids", "segment_ids", "padding_mask")
    return {name: keras.Input((None,), dtype="int32", name=name) for name in names}


class BertInputs(DefaultInputs):
    """Fills in what is not given, or None.

    `padding_mask` is then all ones, and `segment_ids` all zeros. A mixin, to stand
    before a class of KerasHub's.
    """

    has_position_table = True

    def filled(self, given):
        """See `DefaultInputs.filled`."""
        zeros = ops.zeros_like(given["token_ids"], dtype="int32")
        return {"segment_ids": zeros, **given}
