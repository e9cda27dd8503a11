"""Checkpoints from which a killed run goes on where it was."""

import json
import math
import pathlib
import warnings

import h5py
import keras
import numpy as np

from longkeras.atomic_files import replaced_file
from longkeras.checkpoint_error import CheckpointError
from longkeras.fitting.callback_state import (
    callback_states,
    read_callback_states,
    states_bytes,
    write_callback_states,
)
from longkeras.fitting.non_finite import check_weights_finite, steps_done
from longkeras.safe_files.weights import saved_bytes

_STATE = "training_state"


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves all that a run needs to go on, at the end of each epoch, atomically.

    Weights, optimizer, the random state of layers that draw, the best result and the
    history go to one file, which is replaced in one step: a kill or a full disk leaves
    the old file or the new one, never half of either. The step is the optimizer's own
    count, so that it cannot disagree with the weights; datasets such as
    `longkeras.data.TrainingWindows` start at it. Weights that are NaN or infinite are
    not saved.

    Args:
        folder: path. Made if missing.
        monitor: str. Name of a number in the logs: when it is the best so far, the
            weights are kept in `best.weights.h5` too. Defaults to `None`.
        mode: `"min"` or `"max"`. Which is better. Defaults to `"min"`.
        callbacks: sequence of callbacks that a run cannot go on without, such as
            `longkeras.fitting.NonMonotoneAveraging`: their `get_state()`, a dict of
            arrays, is kept too, and `set_state(state)` called when it is restored.
            `fit` must be given them as well, before this one. Defaults to `()`.

    Raises:
        ValueError: If `mode` is neither.

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

    def __init__(self, folder, monitor=None, mode="min", callbacks=()):
        super().__init__()
        if mode not in ("min", "max"):
            raise ValueError(f'`mode` must be "min" or "max". Received: mode={mode!r}')
        self.folder = pathlib.Path(folder)
        self.monitor = monitor
        self.mode = mode
        self.callbacks = tuple(callbacks)
        self.history = []
        self.best = None

    @property
    def path(self):
        """The file of weights, optimizer and state."""
        return self.folder / "checkpoint.weights.h5"

    @property
    def best_path(self):
        """The file of the best weights."""
        return self.folder / "best.weights.h5"

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
            state = self._read_state()
            with h5py.File(self.path) as file:
                read_callback_states(file, self.callbacks)
            _assign_random_state(model, state["random_state"])
        except (OSError, KeyError, TypeError, ValueError, UserWarning) as error:
            raise CheckpointError(
                f"{self.path} does not fit this model or is damaged: {error}. Give "
                "another output folder to start anew."
            ) from error
        step = steps_done(model)
        self.history = [row for row in state["history"] if row["step"] <= step]
        self.best = state["best"]
        # A kill between the two files: this one decides.
        write_json(self.folder / "history.json", self.history)
        return step

    def on_train_begin(self, logs=None):
        if not self.path.exists():
            # What a run that fails in its first epoch goes back to.
            self._save(self.path)

    def on_epoch_end(self, epoch, logs=None):
        check_weights_finite(self.model)
        row = {"step": steps_done(self.model)}
        row.update({name: float(value) for name, value in (logs or {}).items()})
        self.history.append(row)
        if self._is_best(row):
            # First, so that a kill in between does no more than repeat it.
            self.best = row[self.monitor]
            self._save(self.best_path)
        self._save(self.path)
        write_json(self.folder / "history.json", self.history)

    def _is_best(self, row):
        value = row.get(self.monitor)
        if value is None or not math.isfinite(value):
            return False
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best

    def _save(self, path):
        state = {
            "history": self.history,
            "best": self.best,
            "random_state": _random_state(self.model),
        }
        content = np.frombuffer(json.dumps(state).encode(), np.uint8)
        states = callback_states(self.callbacks)
        needed = saved_bytes(self.model) + content.size + states_bytes(states)
        with replaced_file(path, needed) as place:
            self.model.save_weights(place, overwrite=True)
            with h5py.File(place, "a") as file:
                file.create_dataset(_STATE, data=content)
                write_callback_states(file, states)

    def _read_state(self):
        with h5py.File(self.path) as file:
            if _STATE in file:
                return json.loads(file[_STATE][()].tobytes())
        # A checkpoint of longkeras 0.1: nothing of it was random but the weights.
        path = self.folder / "history.json"
        history = json.loads(path.read_text("utf-8")) if path.exists() else []
        return {"history": history, "best": None, "random_state": None}


def _seeds(model):
    """The variables of a model that are no weights: the state of what draws."""
    weights = {id(weight) for weight in model.weights}
    return [each for each in model.variables if id(each) not in weights]


def _random_state(model):
    return [keras.ops.convert_to_numpy(seed).tolist() for seed in _seeds(model)]


def _assign_random_state(model, states):
    if states is None:
        return
    seeds = _seeds(model)
    if len(seeds) != len(states):
        raise ValueError(f"{len(states)} random states for {len(seeds)} layers")
    for seed, state in zip(seeds, states, strict=True):
        seed.assign(np.array(state, dtype=seed.dtype))


def write_json(path, value):
    """Write a JSON file in one step: the old one or the new one, never half.

    Args:
        path: path.
        value: what `json` can write.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    with replaced_file(path) as place:
        place.write_text(text, "utf-8")
