"""Averaging of the weights of late steps: NT-ASGD."""

import keras
import numpy as np

from longkeras.fitting.batch_count import updates_done


class NonMonotoneAveraging(keras.callbacks.Callback):
    """Averages weights once validation stops improving.

    Training begins as compiled; the authors use plain SGD. Once the monitored value is
    worse than the best value of more than `patience` epochs ago, the weights after each
    update (with `steps_per_execution`, after each execution) are averaged. Validation
    and the trained model then use the mean, while training continues without it. Pass
    the callback to `longkeras.fitting.TrainingCheckpoint(callbacks=[...])` as well, so
    that an interrupted run resumes with its mean.

    Args:
        monitor: str. A value of `logs` that should fall. Defaults to `"val_loss"`.
        patience: int. Number of last epochs to ignore in the comparison. Defaults to
            `5`.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import NonMonotoneAveraging

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    averaging = NonMonotoneAveraging(monitor="loss", patience=1)
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, epochs=2, callbacks=[averaging], verbose=0)
    assert averaging.num_averaged == 0  # it still improved
    ```

    Reference:
        [Merity et al., 2017](https://arxiv.org/abs/1708.02182)
    """

    def __init__(self, monitor="val_loss", patience=5):
        super().__init__()
        self.monitor = monitor
        self.patience = patience
        self.num_averaged = 0
        self._values = []
        self._is_averaging = False
        self._mean = None
        self._own = None
        self._updates = 0

    def get_state(self):
        """The state that a resumed run needs, a dict of arrays."""
        state = {
            "values": np.array(self._values, "float64"),
            "is_averaging": np.array(self._is_averaging),
            "num_averaged": np.array(self.num_averaged),
        }
        return state | {f"mean_{i}": mean for i, mean in enumerate(self._mean or ())}

    def set_state(self, state):
        """Continue from a state of `get_state`."""
        self._values = state["values"].tolist()
        self._is_averaging = bool(state["is_averaging"])
        self.num_averaged = int(state["num_averaged"])
        num_means = sum(name.startswith("mean_") for name in state)
        # Copies, since the mean is updated in place.
        means = [np.array(state[f"mean_{i}"]) for i in range(num_means)]
        self._mean = means or None

    def on_epoch_begin(self, epoch, logs=None):
        self._updates = updates_done(self.model)

    def on_train_batch_end(self, batch, logs=None):
        if not self._is_averaging:
            return
        if keras.backend.backend() == "jax":
            # Keras keeps the weights elsewhere while JAX trains.
            self.model.jax_state_sync()
        updates = updates_done(self.model)
        if updates == self._updates:
            return  # The optimizer accumulates gradients, or skipped a step.
        self._updates = updates
        self.num_averaged += 1
        weights = self._weights()
        if self._mean is None:
            self._mean = weights
            return
        for mean, weight in zip(self._mean, weights, strict=True):
            mean += (weight - mean) / self.num_averaged

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ValueError(
                "`monitor` must be a value that training logs. "
                f"Received: monitor={self.monitor!r}, logs with {sorted(logs or {})}"
            )
        earlier = self._values[: -self.patience]
        if earlier and value > min(earlier):
            self._is_averaging = True
        self._values.append(value)

    def on_test_begin(self, logs=None):
        if self._mean is not None:
            self._own = self._weights()
            self._assign(self._mean)

    def on_test_end(self, logs=None):
        if self._own is not None:
            self._assign(self._own)
            self._own = None

    def on_train_end(self, logs=None):
        if self._mean is not None:
            self._assign(self._mean)

    def _weights(self):
        variables = self.model.trainable_variables
        return [keras.ops.convert_to_numpy(x).copy() for x in variables]

    def _assign(self, values):
        for variable, value in zip(self.model.trainable_variables, values, strict=True):
            variable.assign(value)
