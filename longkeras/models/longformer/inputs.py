"""What models of this family are given: what may be left out, and what is refused."""

import keras
import numpy as np
from keras import ops

from longkeras.models.longformer.input_checks import (
    check_ids,
    check_mask,
    check_shapes,
)


def functional_inputs():
    """The inputs of a functional model, every one of them present.

    Returns:
        dict of symbolic int32 tensors `(batch, sequence)`.
    """
    names = ("token_ids", "padding_mask", "global_attention_mask", "segment_ids")
    return {name: keras.Input((None,), dtype="int32", name=name) for name in names}


class OptionalInputs:
    """Fills in what is not given, or None, before Keras checks the structure.

    `padding_mask` is then all ones, `segment_ids` all zeros, and
    `global_attention_mask` what the model's rule says by `global_tokens_of`; a mask
    that is given, all zeros too, is taken as it is. A mixin, to stand before
    `keras.Model`.
    """

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(self.complete(inputs), *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        # Stateless calls come here without `__call__`.
        return super().call(self.complete(inputs), training=training, mask=mask)

    def global_tokens_of(self, inputs):
        """The global tokens where no mask says: none.

        Args:
            inputs: dict of the other inputs, complete.

        Returns:
            int32 tensor `(batch, sequence)`, 1 at global tokens.
        """
        return ops.zeros_like(inputs["token_ids"], dtype="int32")

    def complete(self, inputs):
        """All inputs of the model, from those that were given.

        Args:
            inputs: dict of tensors `(batch, sequence)`, with `token_ids`.

        Returns:
            dict with every input.

        Raises:
            ValueError: If `token_ids` are missing, an input is unknown or of another
                shape, a text is longer than the position table, an id has no
                embedding, or a mask holds other numbers than 0 and 1.
        """
        if not isinstance(inputs, dict):
            raise ValueError(
                "`inputs` must be a dict with `token_ids`; strings need a model with a "
                f"`preprocessor`. Received: inputs of type {type(inputs).__name__}"
            )
        given = self._checked(inputs)
        self._check_length(given["token_ids"])
        given = {name: _tensor(x) for name, x in given.items()}
        token_ids = given["token_ids"]
        given.setdefault("padding_mask", ops.ones_like(token_ids, dtype="int32"))
        given.setdefault("segment_ids", ops.zeros_like(token_ids, dtype="int32"))
        if "global_attention_mask" not in given:
            given["global_attention_mask"] = self.global_tokens_of(given)
        return given

    def _checked(self, inputs):
        """What was given and is not None, if it may be given."""
        given = {name: _array(name, x) for name, x in inputs.items() if x is not None}
        self._check_names(given)
        check_shapes(given)
        for name, values in given.items():
            # Those on a device, or being traced, are not fetched for a check.
            if isinstance(values, np.ndarray):
                self._check_values(name, values, given["token_ids"].shape[1])
        return given

    def _check_names(self, given):
        known = sorted(x.name for x in self.inputs)
        unknown = sorted(set(given) - set(known))
        if "token_ids" not in given or unknown:
            raise ValueError(
                f"`inputs` must have `token_ids`, and no others than {known}. "
                f"Received: {sorted(given)}"
            )

    def _check_length(self, token_ids):
        limit, length = self._backbone_of().max_sequence_length, token_ids.shape[1]
        if length is not None and length > limit:
            raise ValueError(
                f"A text must have at most {limit} tokens, the `max_sequence_length` "
                "of the position table, padding included: read it in overlapping "
                "windows (`windows` of the preprocessor), or make the table longer "
                f"with `extend_positions({length})`. Received: {length} tokens"
            )

    def _check_values(self, name, values, length):
        if name.endswith("_mask"):
            check_mask(name, values)
            return
        backbone = self._backbone_of()
        limit, meaning = {
            "token_ids": (
                backbone.vocabulary_size,
                "backbone's `vocabulary_size`",
            ),
            "segment_ids": (backbone.num_segments, "backbone's `num_segments`"),
            "mask_positions": (length, "length of the texts"),
        }[name]
        check_ids(name, values, limit, meaning)

    def _backbone_of(self):
        return self if not hasattr(self, "preprocessor") else self.backbone


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
