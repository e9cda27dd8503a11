"""Notices a training run in which no token was global."""

import warnings

import keras
from keras import ops


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
