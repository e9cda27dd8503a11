"""What recurrent models are given: what may be left out, and packed documents."""

from longkeras.models.base.default_inputs import DefaultInputs
from longkeras.models.base.strict_arguments import StrictArguments


class RecurrentInputs(StrictArguments, DefaultInputs):
    """Takes packed documents, and does without a mask.

    `document_ids` are no input of the functional model, since texts that are not
    packed need not pay for them: where they are given, `read_documents` runs instead.
    A mixin, to stand before `keras.Model`.
    """

    def known_inputs(self):
        """Names of all inputs that may be given.

        Returns:
            list of str.
        """
        return [*super().known_inputs(), "document_ids"]

    def read(self, inputs, training=None, mask=None):
        """See `DefaultInputs.read`."""
        if "document_ids" in inputs:
            return self.read_documents(inputs, training)
        return super().read(inputs, training=training, mask=mask)

    def read_documents(self, inputs, training=None):
        """The model's outputs for packed documents.

        Args:
            inputs: dict of `token_ids`, `padding_mask` and `document_ids`.
            training: bool. Defaults to `None`.

        Returns:
            As of a call.
        """
        raise NotImplementedError
