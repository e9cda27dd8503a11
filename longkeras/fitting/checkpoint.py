"""Checkpoints from which a killed run goes on where it was."""

import json
import os
import pathlib
import warnings

import keras

from longkeras.checkpoint_error import CheckpointError


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves weights, optimizer and history at the end of each epoch, atomically.

    Weights and optimizer go to one file, which is replaced in one step: a kill leaves
    the old file or the new one, never half of either. The step is the optimizer's own
    count, so that it cannot disagree with the weights.

    Args:
        folder: path. Made if missing.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import TrainingCheckpoint

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    checkpoint = TrainingCheckpoint("runs/example")
    assert checkpoint.restore(model) == 0  # a fresh folder
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, batch_size=2, callbacks=[checkpoint], verbose=0)
    assert checkpoint.restore(model) == 4
    ```
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.history = []

    @property
    def path(self):
        """The file of weights and optimizer."""
        return self.folder / "checkpoint.weights.h5"

    def restore(self, model):
        """Load the last checkpoint into a compiled model.

        Args:
            model: compiled `keras.Model`.

        Returns:
            int, the optimizer steps done; 0 if there is no checkpoint.

        Raises:
            CheckpointError: If the file does not fit the model or is damaged.
        """
        model.optimizer.build(model.trainable_variables)
        if not self.path.exists():
            return 0
        try:
            with warnings.catch_warnings():
                # Keras only warns where a part is missing, and goes on without it.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(self.path)
        except (OSError, KeyError, ValueError, UserWarning) as error:
            raise CheckpointError(
                f"{self.path} does not fit this model or is damaged: {error}. Give "
                "another output folder to start anew."
            ) from error
        step = _steps_done(model)
        self.history = [row for row in self._read_history() if row["step"] <= step]
        return step

    def on_epoch_end(self, epoch, logs=None):
        row = {"step": _steps_done(self.model)}
        row.update({name: float(value) for name, value in (logs or {}).items()})
        self.history.append(row)
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "partial.weights.h5"
        self.model.save_weights(partial, overwrite=True)
        _flush(partial)
        os.replace(partial, self.path)
        write_json(self.folder / "history.json", self.history)

    def _read_history(self):
        path = self.folder / "history.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else []


def _steps_done(model):
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


def write_json(path, value):
    """Write a JSON file in one step: the old one or the new one, never half.

    Args:
        path: path.
        value: what `json` can write.
    """
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    partial.write_text(text, "utf-8")
    _flush(partial)
    os.replace(partial, path)


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
