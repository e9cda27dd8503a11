"""Global tokens where no mask is given, and a warning if training has none.

The rules are for the tensors of a model and the NumPy arrays of a preprocessor.
"""

import warnings

import keras
import numpy as np
from keras import ops


def first_token(token_ids, arrays=ops):
    """Return 1 at the first token of each text, int32 and shaped like `token_ids`.

    `arrays` is `keras.ops` for tensors, or `numpy` for arrays.
    """
    return _as_mask(_is_first(token_ids, arrays), arrays)


def before_first(token_ids, separator_id, arrays=ops):
    """Return 1 before the first separator, or at the first token if there is none."""
    is_separator = arrays.equal(token_ids, separator_id)
    count = arrays.cumsum(_as_mask(is_separator, arrays), axis=-1)
    has_one = arrays.any(is_separator, axis=-1, keepdims=True)
    is_first = _is_first(token_ids, arrays)
    chosen = arrays.where(has_one, arrays.equal(count, 0), is_first)
    return _as_mask(chosen, arrays)


def _is_first(token_ids, arrays):
    position = arrays.cumsum(arrays.ones_like(token_ids, dtype="int32"), axis=-1)
    return arrays.equal(position, 1)


def _as_mask(chosen, arrays):
    return chosen.astype("int32") if arrays is np else ops.cast(chosen, "int32")


class GlobalTokenWatch(keras.metrics.Metric):
    """Records whether any token was global; adds no number to the logs."""

    def __init__(self, name="global_token_watch"):
        super().__init__(name=name)
        self.seen = self.add_variable((), initializer="zeros", name="seen")

    def update_state(self, global_attention_mask):
        """Read one batch's mask, int `(batch, sequence)`."""
        found = ops.cast(ops.any(ops.not_equal(global_attention_mask, 0)), "float32")
        self.seen.assign(ops.maximum(self.seen, found))

    def reset_state(self):
        """Keep the record: it holds for the whole run, not for an epoch."""

    def result(self):
        return {}


class WarnWithoutGlobalTokens(keras.callbacks.Callback):
    """Warns at the end of the first epoch, once for a model."""

    def on_epoch_end(self, epoch, logs=None):
        watch = self.model.global_token_watch
        if not self.model.has_warned_of_globals and not float(watch.seen.value):
            self.model.has_warned_of_globals = True
            warnings.warn(
                "No token was global in this training run, so the projections of "
                "global tokens were not trained. Give a `global_attention_mask`, or "
                "copy the others' with `backbone.copy_projections_to_global()` before "
                "a task that has global tokens.",
                stacklevel=2,
            )
