"""Detection of NaN and infinity in a run, and the search for their origin."""

import dataclasses
import math

import keras
from keras import ops

from longkeras.fitting.batch_count import BatchCount, batches_done
from longkeras.fitting.layer_calls import float_tensors, watched_calls


class NonFiniteError(ArithmeticError):
    """A loss or a weight became NaN or infinite.

    Args:
        message: str. The finding.
        step: int. The step in which it was found, counted from 0.

    Example:

    >>> NonFiniteError("the loss is nan", step=7).step
    7
    """

    def __init__(self, message, step):
        super().__init__(message)
        self.step = step


@dataclasses.dataclass(frozen=True)
class NonFinite:
    """The first NaN or infinity of a training step.

    Args:
        kind: str. `"weights"`, `"activations"`, `"loss"` or `"gradients"`.
        name: str. Path of the layer or of the weight.
        total: int. Size of the tensor.
        bad: int. Number of values that are NaN or infinite.
    """

    kind: str
    name: str
    total: int
    bad: int

    def __str__(self):
        return f"{self.kind} of {self.name}: {self.bad} of {self.total} not finite"


class FiniteGuard(keras.callbacks.Callback):
    """Stops a run in the step in which its loss becomes NaN or infinite.

    It raises `NonFiniteError`, so that no later callback saves anything. Put it first
    among the callbacks; `explain_non_finite` finds the layer. Reading the loss waits
    for the end of the step: set an interval on a GPU.

    Args:
        interval: int. Steps between checks. Defaults to `1`.

    Raises:
        NonFiniteError: In training, if the loss is NaN or infinite.
        ValueError: If `interval` is below 1.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import FiniteGuard, NonFiniteError

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.array([1, 1, 1, 1, 1, np.nan, 1, 1])
    try:
        model.fit(
            x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[FiniteGuard()]
        )
    except NonFiniteError as error:
        assert error.step == 2
    ```
    """

    def __init__(self, interval=1):
        super().__init__()
        if interval < 1:
            raise ValueError(
                f"`interval` must be at least 1. Received: interval={interval}"
            )
        self.interval = interval
        self._count = BatchCount()

    @property
    def step(self):
        """int, the number of batches that have ended."""
        return self._count.done

    def on_train_begin(self, logs=None):
        self._count = BatchCount(batches_done(self.model))

    def on_epoch_begin(self, epoch, logs=None):
        self._count.begin_epoch()

    def on_train_batch_end(self, batch, logs=None):
        batches = self._count.end_batch(batch, self.params)
        # Several batches end at once with `steps_per_execution`.
        if self.step % self.interval >= batches:
            return
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(float(loss)):
            if keras.backend.backend() == "jax":
                # Keras keeps the weights elsewhere while JAX trains.
                self.model.jax_state_sync()
            raise NonFiniteError(
                f"The loss of step {self.step - 1} is {float(loss)}.", self.step - 1
            )


def check_weights_finite(model):
    """Raise a `NonFiniteError` for the first weight that is NaN or infinite."""
    found = _bad_weight(model)
    if found:
        step = max(batches_done(model) - 1, 0)
        raise NonFiniteError(f"After step {step} there are {found}.", step)


def find_non_finite(model, x, y=None, sample_weight=None):
    """Find the first NaN or infinity of one training step, layer by layer.

    Checks the weights, then the outputs of each layer in the order in which they run,
    then the loss, then the gradients in the order in which they are computed, from the
    last layer to the first.

    Args:
        model: compiled `keras.Model`. Its weights and its optimizer do not change.
        x: inputs of a batch.
        y: targets of the batch. Defaults to `None`: loss and gradients are not checked.
        sample_weight: weights of the targets. Defaults to `None`.

    Returns:
        `NonFinite`, or None if every number is finite.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import find_non_finite

    grow = keras.layers.Dense(3, "exponential", kernel_initializer="ones", name="grow")
    model = keras.Sequential([keras.Input((2,)), grow, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    found = find_non_finite(model, np.full((1, 2), 99.0, "float32"), np.ones((1, 1)))
    assert str(found).endswith("/grow: 3 of 3 not finite")
    ```
    """
    found = _bad_weight(model)
    if found:
        return found
    order, bad = [], []

    def look(layer, outputs):
        order.append(layer)
        for tensor in float_tensors(outputs):
            if not bad and not _is_finite(tensor):
                bad.append(_described("activations", layer.path or layer.name, tensor))

    with watched_calls(model, look):
        outputs = model(_tensors(x), training=True)
    if bad or y is None:
        return bad[0] if bad else None
    weight = None if sample_weight is None else ops.convert_to_tensor(sample_weight)
    loss = model.compute_loss(_tensors(x), _tensors(y), outputs, weight)
    if not _is_finite(loss):
        return _described("loss", "the batch", loss)
    return _bad_gradient(model, order, (x, y, sample_weight))


def explain_non_finite(model, checkpoint, batch_at, step):
    """Repeat a run from its last checkpoint, and explain what went wrong in a step.

    The answer is exact where the same steps give the same numbers, as on a CPU.

    Args:
        model: the compiled `keras.Model` of the run.
        checkpoint: `TrainingCheckpoint` of the run.
        batch_at: function of a step that returns `(x, y, sample_weight)`.
        step: int. Of the `NonFiniteError`.

    Returns:
        str: the step, the layer, and what is wrong with it.

    Example:

    ```python
    import keras
    import numpy as np
    from longkeras.fitting import (
        FiniteGuard,
        NonFiniteError,
        TrainingCheckpoint,
        explain_non_finite,
    )

    x, y = np.ones((8, 2)), np.array([1, 1, 1, 1, 1, np.nan, 1, 1])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    checkpoint = TrainingCheckpoint("runs/broken")
    callbacks = [FiniteGuard(), checkpoint]
    try:
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=callbacks)
    except NonFiniteError as error:
        rows = lambda step: (x[2 * step :][:2], y[2 * step :][:2], None)
        told = explain_non_finite(model, checkpoint, rows, error.step)
    assert told.startswith("The first in step 2: loss of the batch")
    ```
    """
    start = checkpoint.restore(model)
    last = max(step - 1, start)
    _take_steps(model, batch_at, range(start, last))
    for each in range(last, step + 1):
        found = find_non_finite(model, *batch_at(each))
        if found:
            return f"The first in step {each}: {found}."
        _take_steps(model, batch_at, range(each, each + 1))
    found = _bad_weight(model)
    if found:
        return f"The update of step {step} left {found}."
    return f"Taken again from step {start}, step {step} was finite."


class _Batches(keras.utils.PyDataset):
    """The batches of given steps."""

    def __init__(self, batch_at, steps):
        super().__init__()
        self.batch_at = batch_at
        self.steps = steps

    def __len__(self):
        return len(self.steps)

    def __getitem__(self, index):
        batch = self.batch_at(self.steps[index])
        return tuple(part for part in batch if part is not None)


def _take_steps(model, batch_at, steps):
    """Train with `fit`, since `train_on_batch` of a task would preprocess again."""
    if len(steps):
        model.fit(_Batches(batch_at, steps), shuffle=False, verbose=0)


class _GradientProbe(keras.optimizers.Optimizer):
    """Counts the values of each gradient that are not finite; changes no weight."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.counts = [
            self.add_variable(shape=(), dtype="float32", name=f"count_{index}")
            for index, _ in enumerate(variables)
        ]

    def update_step(self, gradient, variable, learning_rate):
        # TensorFlow's gradient of an embedding is sparse.
        dense = ops.convert_to_tensor(gradient, sparse=False)
        bad = ops.logical_not(ops.isfinite(dense))
        place = self._get_variable_index(variable)
        self.counts[place].assign(ops.sum(ops.cast(bad, "float32")))


def _bad_gradient(model, order, batch):
    probe = _GradientProbe(learning_rate=0.0, name="gradient_probe")
    probe.build(model.trainable_variables)
    optimizer, model.optimizer = model.optimizer, probe
    try:
        model.make_train_function(force=True)
        _take_steps(model, lambda step: batch, range(1))
    finally:
        model.optimizer = optimizer
        model.make_train_function(force=True)
    # A layer's parts finish before it: the first index is that of the innermost layer.
    places = {
        id(weight): place
        for place, layer in reversed(list(enumerate(order)))
        for weight in layer.trainable_variables
    }
    found = [
        (places.get(id(variable), -1), -index)
        for index, variable in enumerate(model.trainable_variables)
        if float(probe.counts[index]) > 0
    ]
    if not found:
        return None
    index = -max(found)[1]
    variable = model.trainable_variables[index]
    size = math.prod(variable.shape)
    return NonFinite("gradients", variable.path, size, int(probe.counts[index]))


def _bad_weight(model):
    for variable in model.weights:
        if float_tensors(variable) and not _is_finite(variable):
            return _described("weights", variable.path, variable)
    return None


def _is_finite(tensor):
    return bool(ops.convert_to_numpy(ops.all(ops.isfinite(tensor))))


def _described(kind, name, tensor):
    finite = ops.convert_to_numpy(ops.isfinite(tensor))
    return NonFinite(kind, name, finite.size, int(finite.size - finite.sum()))


def _tensors(structure):
    return keras.tree.map_structure(ops.convert_to_tensor, structure)
