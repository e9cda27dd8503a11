"""Training from one step to another, with checkpoints."""

import logging

from longkeras.fitting.non_finite import (
    FiniteGuard,
    NonFiniteError,
    explain_non_finite,
)

_LOGGER = logging.getLogger("longkeras.fitting")


def fit_steps(
    model,
    batches,
    first_step,
    last_step,
    epoch_steps,
    checkpoint,
    callbacks=(),
    validation_data=None,
):
    """Train from one step to another, with a checkpoint after each epoch.

    If the loss or a weight becomes NaN or infinite, training stops, and
    `explain_non_finite` finds the layer in which it happened. The checkpoint and the
    best weights do not change then.

    Args:
        model: compiled `keras.Model`, restored by `checkpoint`.
        batches: callable. `batches(step)` returns a dataset, such as
            `longkeras.data.TrainingWindows`, whose first item is the batch of `step`.
        first_step: int. Completed steps, as returned by `checkpoint.restore`.
        last_step: int. The step to reach; training stops at the end of an epoch.
        epoch_steps: int. Steps between checkpoints.
        checkpoint: `TrainingCheckpoint` of the run.
        callbacks: sequence of `keras.callbacks.Callback`, called before the checkpoint.
            Defaults to `()`.
        validation_data: See `keras.Model.fit`. Defaults to `None`.

    Returns:
        int: the number of completed steps, at least `last_step`.

    Raises:
        NonFiniteError: If the loss or a weight became NaN or infinite; the message
            names the layer.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import RunFolder, fit_steps

    class Ones(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return np.ones((2, 2)), np.ones((2, 1))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    checkpoint = RunFolder("runs/steps").checkpoint()
    step = checkpoint.restore(model)
    assert fit_steps(model, lambda step: Ones(), step, 4, 2, checkpoint) == 4
    ```
    """
    first_epoch = first_step // epoch_steps
    num_epochs = max(0, -((first_step - last_step) // epoch_steps))
    try:
        model.fit(
            batches(first_step),
            steps_per_epoch=epoch_steps,
            initial_epoch=first_epoch,
            epochs=first_epoch + num_epochs,
            shuffle=False,
            verbose=0,
            validation_data=validation_data,
            callbacks=[FiniteGuard(), *callbacks, checkpoint],
        )
    except NonFiniteError as error:
        _LOGGER.error("%s Looking for the layer.", error)
        explanation = explain_non_finite(
            model, checkpoint, lambda step: batches(step)[0], error.step
        )
        _LOGGER.error(explanation)
        raise NonFiniteError(f"{error} {explanation}", error.step) from error
    return first_step + num_epochs * epoch_steps
