"""Counts of batches, as distinct from optimizer updates and calls of callbacks."""

from keras import ops


class BatchCount:
    """Counts the batches of a run from the calls of a callback's methods.

    With `steps_per_execution` Keras calls `on_train_batch_end` once for several
    batches, with the index of the last one in its epoch, which may be too large at the
    end of the epoch. `done` are the batches of earlier runs.

    Example:

    ```python
    from longkeras.fitting.batch_count import BatchCount

    count = BatchCount(done=10)
    count.begin_epoch()
    assert count.end_batch(3) == 4  # batches 0 to 3 at once
    assert count.end_batch(7, {"steps": 6}) == 2
    assert count.done == 16
    ```
    """

    def __init__(self, done=0):
        self.done = done
        self._before_epoch = done

    def begin_epoch(self):
        """Start counting at the first batch of an epoch."""
        self._before_epoch = self.done

    def end_batch(self, batch, params=None):
        """Count the batches up to one, given by its index in the epoch.

        `params` are the callback's. Returns the number of batches since the last call.
        """
        in_epoch = min(batch + 1, (params or {}).get("steps") or batch + 1)
        before, self.done = self.done, self._before_epoch + in_epoch
        return self.done - before


def batches_done(model):
    """The number of batches that a compiled model was trained on, by its optimizer.

    `optimizer.iterations` counts updates: with `gradient_accumulation_steps=4` one for
    four batches. The variable behind it counts batches. A `LossScaleOptimizer` does not
    count the batches that it skips, since a gradient was not finite.
    """
    # A LossScaleOptimizer has its own count, always 0, and that of the inner one.
    counts = (each for each in model.optimizer.variables if each.name == "iteration")
    return max(int(ops.convert_to_numpy(count)) for count in counts)


def updates_done(model):
    """The number of weight updates by the optimizer of a compiled model."""
    return int(ops.convert_to_numpy(model.optimizer.iterations))
