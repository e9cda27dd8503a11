"""Log lines with the progress of a training run."""

import logging
import math
import time

import keras

from longkeras.fitting.batch_count import BatchCount

_LOGGER = logging.getLogger("longkeras.fitting")


class ProgressLog(keras.callbacks.Callback):
    """Logs step, bits per byte or token, speed and time left.

    Args:
        total_steps: int. Batches of the whole run.
        tokens_per_step: int. Tokens of a batch.
        first_step: int. Completed batches, as returned by `TrainingCheckpoint.restore`.
            Defaults to `0`.
        interval: int. Batches between lines. Defaults to `50`.
        bytes_per_token: float. Mean number of bytes of a token, to log bits per byte,
            which can be compared across tokenizers. Defaults to `None`: bits per token.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import ProgressLog

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    progress = ProgressLog(total_steps=4, tokens_per_step=2, interval=2)
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, batch_size=2, callbacks=[progress], verbose=0)
    assert progress.step == 4
    ```
    """

    def __init__(
        self,
        total_steps,
        tokens_per_step,
        first_step=0,
        interval=50,
        bytes_per_token=None,
    ):
        super().__init__()
        self.total_steps = total_steps
        self.tokens_per_step = tokens_per_step
        self._count = BatchCount(first_step)
        self.interval = interval
        self.bytes_per_token = bytes_per_token
        self._since = None
        self._steps = 0

    @property
    def step(self):
        """int, the number of completed batches."""
        return self._count.done

    def on_epoch_begin(self, epoch, logs=None):
        self._count.begin_epoch()

    def on_train_batch_end(self, batch, logs=None):
        batches = self._count.end_batch(batch, self.params)
        if self._since is None:
            # The first step includes compilation, so its time is not counted.
            self._since = time.monotonic()
            return
        self._steps += batches
        # Several batches end at once with `steps_per_execution`.
        if self.step % self.interval >= batches:
            return
        seconds = (time.monotonic() - self._since) / self._steps
        left = (self.total_steps - self.step) * seconds / 60
        _LOGGER.info(
            "step %d/%d, %.3f bits a %s, %.0f tokens/s, %.0f min left",
            self.step,
            self.total_steps,
            float(logs["loss"]) / math.log(2) / (self.bytes_per_token or 1),
            "token" if self.bytes_per_token is None else "byte",
            self.tokens_per_step / seconds,
            left,
        )
        self._since, self._steps = time.monotonic(), 0
