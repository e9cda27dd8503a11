"""Checkpoints from which an interrupted run resumes."""

import json
import math
import pathlib
import warnings

import h5py
import keras
import numpy as np

from longkeras.atomic_files import replaced_file
from longkeras.checkpoint_error import CheckpointError
from longkeras.fitting.batch_count import BatchCount, batches_done
from longkeras.fitting.checkpoint_file import (
    callback_states,
    has_run_variables,
    read_callback_states,
    read_run_variables,
    states_bytes,
    write_callback_states,
    write_run_variables,
)
from longkeras.fitting.non_finite import check_weights_finite
from longkeras.safe_files.weights import saved_bytes

_STATE = "training_state"
# The errors of h5py, JSON and Keras for damaged content.
_READING_ERRORS = (
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    UserWarning,
    ValueError,
)


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves the complete state of a run at the end of each epoch, atomically.

    All variables of the model and of the optimizer, the state of random layers, the
    number of batches, the best result and the history are in one file, which is
    replaced in one step, so that a kill or a full disk leaves the old file or the new
    one. A restored run equals an uninterrupted one, also with LoRA, frozen layers,
    eight-bit weights, mixed precision, moving averages and gradient accumulation, if
    its model is prepared and compiled in the same way. Weights that are NaN or infinite
    are not saved.

    Only `restore` reads the file. The best weights have Keras' own layout, for
    `model.load_weights`.

    Args:
        folder: path. Created if missing.
        monitor: str. Name of a number in the logs. When it is the best so far, the
            weights are also saved in `best.weights.h5`. Defaults to `None`.
        mode: `"min"` or `"max"`, the better direction. Defaults to `"min"`.
        callbacks: sequence of callbacks with state, such as
            `longkeras.fitting.NonMonotoneAveraging`: their `get_state()`, a dict of
            arrays, is saved too, and passed to `set_state(state)` by `restore`. Pass
            them to `fit` as well, before this one. Defaults to `()`.

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
        self._count = BatchCount()

    @property
    def path(self):
        """The file of weights, optimizer and state, for `restore`."""
        return self.folder / "checkpoint.weights.h5"

    @property
    def best_path(self):
        """The file of the best weights, for `model.load_weights`."""
        return self.folder / "best.weights.h5"

    def restore(self, model):
        """Load the last checkpoint into a compiled model.

        Args:
            model: compiled `keras.Model`, prepared like the saved one: with the same
                `enable_lora`, `quantize`, frozen layers and optimizer.

        Returns:
            int, the number of batches that the model was trained on, at which datasets
            such as `longkeras.data.TrainingWindows` start; 0 without a checkpoint. With
            `gradient_accumulation_steps` the optimizer made fewer updates.

        Raises:
            CheckpointError: If the file is damaged or does not match the model.
        """
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        if not self.path.exists():
            self._count = BatchCount()
            return 0
        try:
            with h5py.File(self.path) as file:
                state = self._read_state(file)
                self._restore_variables(model, file, state)
                read_callback_states(file, self.callbacks)
        except _READING_ERRORS as error:
            raise CheckpointError(
                f"{self.path} does not fit this model or is damaged: {error}. Give "
                "another output folder to start anew."
            ) from error
        step = state.get("batches", batches_done(model))
        self._count = BatchCount(step)
        self.history = [row for row in state["history"] if row["step"] <= step]
        self.best = state["best"]
        # If the run was killed between the two files, this one is newer.
        write_json(self.folder / "history.json", self.history)
        return step

    def _restore_variables(self, model, file, state):
        if has_run_variables(file):
            read_run_variables(file, model)
            return
        # A checkpoint of longkeras 0.1, in Keras' layout.
        with warnings.catch_warnings():
            # Keras only warns where a part is missing, and continues without it.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(self.path)
        _assign_random_state(model, state["random_state"])

    def on_train_begin(self, logs=None):
        self._count = BatchCount(self._batches())
        if not self.path.exists():
            # For a run that fails in its first epoch.
            self._save(self.path)

    def on_epoch_begin(self, epoch, logs=None):
        self._count.begin_epoch()

    def on_train_batch_end(self, batch, logs=None):
        self._count.end_batch(batch, self.params)

    def on_epoch_end(self, epoch, logs=None):
        check_weights_finite(self.model)
        row = {"step": self._batches()}
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

    def _batches(self):
        done = batches_done(self.model)
        # It does not count the batches that it skips because of an overflow.
        if isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer):
            return max(done, self._count.done)
        return done

    def _save(self, path):
        state = {
            "history": self.history,
            "best": self.best,
            "batches": self._batches(),
        }
        content = np.frombuffer(json.dumps(state).encode(), np.uint8)
        states = callback_states(self.callbacks)
        needed = saved_bytes(self.model) + content.size + states_bytes(states)
        with replaced_file(path, needed) as place:
            if path == self.best_path:
                self.model.save_weights(place, overwrite=True)
            with h5py.File(place, "a") as file:
                if path == self.path:
                    write_run_variables(file, self.model)
                file.create_dataset(_STATE, data=content)
                write_callback_states(file, states)

    def _read_state(self, file):
        if _STATE in file:
            return json.loads(file[_STATE][()].tobytes())
        # In the first checkpoints only the weights were random.
        path = self.folder / "history.json"
        history = json.loads(path.read_text("utf-8")) if path.exists() else []
        return {"history": history, "best": None, "random_state": None}


def _assign_random_state(model, states):
    """Assign a list of states to the variables of a model that are not weights."""
    if states is None:
        return
    weights = {id(weight) for weight in model.weights}
    seeds = [each for each in model.variables if id(each) not in weights]
    if len(seeds) != len(states):
        raise ValueError(f"{len(states)} random states for {len(seeds)} layers")
    for seed, state in zip(seeds, states, strict=True):
        seed.assign(np.array(state, dtype=seed.dtype))


def write_json(path, value):
    """Replace a JSON file atomically."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    with replaced_file(path) as place:
        place.write_text(text, "utf-8")
