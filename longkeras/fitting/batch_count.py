"""Counts of batches, as distinct from optimizer updates and calls of callbacks."""

from keras import ops


class BatchCount:
    """Counts the batches of a run from the calls of a callback's methods.

    With `steps_per_execution` Keras calls `on_train_batch_end` once for several
    batches, and passes the place of the last one in its epoch, or of a later one where
    the epoch ends earlier.

    Args:
        done: int. Batches of earlier runs. Defaults to `0`.

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
        """Counts what comes from the first batch of an epoch."""
        self._before_epoch = self.done

    def end_batch(self, batch, params=None):
        """Counts the batches up to this one.

        Args:
            batch: int. Place of a batch in its epoch, as a callback receives it.
            params: dict. The callback's `params`. Defaults to `None`.

        Returns:
            int: how many batches have come since the last call.
        """
        in_epoch = min(batch + 1, (params or {}).get("steps") or batch + 1)
        before, self.done = self.done, self._before_epoch + in_epoch
        return self.done - before


def batches_done(model):
    """The batches that a compiled model was trained on, by its optimizer's count.

    `optimizer.iterations` is the number of updates: with
    `gradient_accumulation_steps=4` one for four batches. The variable behind it counts
    batches. A `LossScaleOptimizer` counts none that it skips, since a gradient was not
    finite.

    Args:
        model: compiled `keras.Model`.

    Returns:
        int.
    """
    # A LossScaleOptimizer has a count of its own, always 0, and that of the inner one.
    counts = (each for each in model.optimizer.variables if each.name == "iteration")
    return max(int(ops.convert_to_numpy(count)) for count in counts)


def updates_done(model):
    """The updates of the weights that the optimizer of a compiled model has made.

    Args:
        model: compiled `keras.Model`.

    Returns:
        int.
    """
    return int(ops.convert_to_numpy(model.optimizer.iterations))
