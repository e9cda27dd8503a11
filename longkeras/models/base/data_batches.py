"""Batches from data of any form, preprocessed and checked."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import keras
import numpy as np
from keras import tree

from longkeras.models.base.data_rows import (
    as_columns,
    columns_of,
    count_of,
    is_batches,
    is_rows,
    is_tensor,
    is_uneven,
    taken,
)
from longkeras.models.base.index_checks import extents_of, length_of, named_targets
from longkeras.models.base.inputs import InputTable
from longkeras.models.base.tf_data_pipeline import (
    checked_in_graph,
    class_weighted,
    dataset_of_batches,
    dataset_of_rows,
    is_tf_dataset,
    mapped,
    without,
)
from longkeras.ops.backend.concrete import concrete_array
from longkeras.text.pipeline import is_tracing, noting_errors


@dataclass(frozen=True)
class BatchCheck:
    """Compares the indices and targets of a batch with their limits.

    Args:
        table: `longkeras.models.base.inputs.InputTable`.
        rules: dict of `ClassLabels` and `ClassColumns` by name of the target.
    """

    table: InputTable
    rules: Mapping

    def __call__(self, x, y, sample_weight):
        """Return the batch, or raise a `ValueError`.

        While TensorFlow traces, the error is raised when the pipeline runs.
        """
        inputs = self.table.indices(x)
        targets = {} if y is None else named_targets(y)
        for name, rule in self.rules.items():
            ignored = getattr(rule, "ignore_class", None)
            if name in targets and ignored is not None:
                targets[name] = without(targets[name], ignored)
        targets = {name: targets[name] for name in self.rules if name in targets}
        if is_tracing():
            # An input and a target may have the same name.
            tensors = {("x", name): value for name, value in inputs.items()}
            tensors.update({("y", name): value for name, value in targets.items()})
            return checked_in_graph((x, y, sample_weight), tensors, self._check_all)
        self._check(extents_of(inputs), extents_of(targets), length_of(inputs))
        return x, y, sample_weight

    def _check_all(self, extents):
        inputs, targets = (
            {name: extents[part, name] for part, name in extents if part == wanted}
            for wanted in ("x", "y")
        )
        self._check(inputs, targets, length_of(inputs))

    def _check(self, inputs, targets, length):
        self.table.check(inputs, length)
        for name, extent in targets.items():
            self.rules[name].check(name, extent, length)


class CheckedBatches(keras.utils.PyDataset):
    """Batches of ids from another `PyDataset`, each checked, and with class weights.

    Without `is_training`, targets and weights are dropped. `class_table` is a
    float32 array `(num_classes,)`, or None.
    """

    def __init__(self, batches, check, class_table, is_training):
        super().__init__(
            batches.workers, batches.use_multiprocessing, batches.max_queue_size
        )
        self._batches = batches
        # An error noted in another process would be lost.
        is_here = not batches.use_multiprocessing
        self._check = noting_errors(check) if is_here else check
        self._class_table = class_table
        self._is_training = is_training

    @property
    def num_batches(self):
        """int, or None if there is no end."""
        return self._batches.num_batches

    def __getitem__(self, index):
        x, y, sample_weight = parts_of_batch(self._batches[index])
        if not self._is_training:
            y = sample_weight = None
        if isinstance(x, dict):
            x, y, sample_weight = self._check(without_none(x), y, sample_weight)
        if self._class_table is not None:
            labels = concrete_array(y)
            sample_weight = class_weighted(sample_weight, labels, self._class_table)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def on_epoch_begin(self):
        """Passed on."""
        self._batches.on_epoch_begin()

    def on_epoch_end(self):
        """Passed on."""
        self._batches.on_epoch_end()


class BatchSource:
    """A source of batches that can be iterated over once an epoch.

    Attributes:
        first: the first batch.
        num_batches: int, or None if it is not known.
        is_read_once: bool. Whether there is one pass over the batches.
    """

    def __init__(self, batches):
        self._batches = batches
        self.is_read_once = isinstance(batches, Iterator)
        self.num_batches = None
        if isinstance(batches, keras.utils.PyDataset):
            self.num_batches = batches.num_batches
            self.first = batches[0]
            return
        if hasattr(batches, "__len__"):
            self.num_batches = len(batches)
        iterator = iter(batches)
        try:
            self.first = next(iterator)
        except StopIteration:
            raise ValueError(
                "`x` must yield at least one batch. Received: none from "
                f"{type(batches).__name__}"
            ) from None
        if self.is_read_once:
            self._batches = itertools.chain([self.first], iterator)

    def __call__(self):
        """Iterate over the batches; a source that is read once continues."""
        if not isinstance(self._batches, keras.utils.PyDataset):
            yield from self._batches
            return
        self._batches.on_epoch_begin()
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self._batches[index]
        self._batches.on_epoch_end()


class RowSlices:
    """Slices of `batch_size` rows, whose lengths may differ."""

    def __init__(self, rows, batch_size):
        self._rows = rows
        self._batch_size = batch_size
        self._count = count_of(rows)

    def __len__(self):
        return -(-self._count // self._batch_size)

    def __iter__(self):
        for start in range(0, self._count, self._batch_size):
            stop = min(start + self._batch_size, self._count)
            yield taken(self._rows, np.arange(start, stop))


def parts_of_batch(batch):
    """Split a batch `x`, `(x, y)` or `(x, y, sample_weight)` into its three parts.

    A list is `x`, unless it holds arrays. A `ValueError` refuses what is not a batch
    of rows.
    """
    holds_parts = isinstance(batch, list) and any(
        isinstance(part, Mapping | np.ndarray) or is_tensor(part) for part in batch
    )
    parts = tuple(batch) if isinstance(batch, tuple) or holds_parts else (batch,)
    x, y, sample_weight = (*map(as_columns, parts[:3]), None, None)[:3]
    columns = columns_of(x)
    if len(parts) > 3 or not columns or not all(map(_is_column, columns)):
        raise ValueError(
            "Each batch must hold rows: a list or array of texts, or a dict of arrays "
            "of ids, as `x`, `(x, y)` or `(x, y, sample_weight)`. Received: "
            f"{batch!r:.200}"
        )
    return x, y, sample_weight


def without_none(x):
    """Return a dict without values that are None; anything else unchanged."""
    if isinstance(x, Mapping):
        return {name: part for name, part in x.items() if part is not None}
    return x


def are_ids(x):
    """Return whether inputs are ids, which are not preprocessed."""
    return isinstance(x, Mapping) and "token_ids" in x


def _is_column(x):
    return isinstance(x, list) or len(getattr(x, "shape", ())) > 0


_EXPECTED = (
    "texts as a list, an array of strings, a column of `datasets` or a pandas Series; "
    "a `tf.data.Dataset` of batches; or a `keras.utils.PyDataset` or generator of "
    "batches `x`, `(x, y)` or `(x, y, sample_weight)`"
)


def prepared_data(task, rows, batch_size=None, passes=1, **options):
    """Return data as batches for `keras.Model.fit`, `evaluate` or `predict`.

    Args:
        task: `longkeras.models.base.text_task.TextTask`.
        rows: tuple of inputs, targets and weights of rows; or of a source of batches
            and twice None.
        batch_size: int. Rows of a step. Defaults to `None`, 32.
        passes: int. How often the data is read. Defaults to `1`.
        **options: `class_table` and `is_training`, see `prepared_batch`.

    Returns:
        `tf.data.Dataset` or `keras.utils.PyDataset`.
    """
    x, y, sample_weight = rows
    if is_rows(x):
        batch_size = batch_size or 32
        if is_uneven(columns_of(rows)):
            return _from_python(task, RowSlices(rows, batch_size), **options)
        # Keras' own packing drops weights without targets.
        names = ("x", "y", "sample_weight")
        rows = without_none(dict(zip(names, rows, strict=True)))
        return _mapped(task, dataset_of_rows(rows, batch_size), names, **options)
    if y is not None or sample_weight is not None:
        raise ValueError(
            "`y` and `sample_weight` must be parts of the batches where `x` is a "
            "dataset or generator: `(x, y)` or `(x, y, sample_weight)`. Received: "
            f"x of type {type(x).__name__}"
        )
    if is_tf_dataset(x):
        return _mapped(task, x, **options)
    if is_batches(x):
        return _from_python(task, x, passes, **options)
    raise ValueError(f"`x` must be {_EXPECTED}. Received: x of type {type(x).__name__}")


def prepared_batch(task, parts, class_table=None, is_training=True, is_prepared=False):
    """Return a batch `(x, y, sample_weight)` as the model takes it.

    Args:
        task: `longkeras.models.base.text_task.TextTask`.
        parts: tuple of inputs and, perhaps, targets and weights.
        class_table: float32 array `(num_classes,)`, the weights of the classes, or
            None. Defaults to `None`.
        is_training: bool. Whether targets and weights are needed. Defaults to `True`.
        is_prepared: bool. Whether the inputs are ids already, which are checked but
            not preprocessed. Defaults to `False`.

    Raises:
        ValueError: If targets are missing, or an index or target is invalid.
    """
    x, y, sample_weight = (*parts, None, None)[:3]
    if not is_training:
        y = sample_weight = None
    elif y is None and task.needs_targets:
        raise ValueError(
            "The batches must be `(x, y)` or `(x, y, sample_weight)`, since the "
            "model learns from targets. Received: batches of `x` alone"
        )
    if is_prepared:
        parts = task.prepared_samples(x, y, sample_weight, is_prepared=True)
    else:
        data = task.preprocess_samples(x, y, sample_weight)
        parts = keras.utils.unpack_x_y_sample_weight(data)
    x, y, sample_weight = parts
    if not is_training:
        return x, None, None
    if class_table is not None:
        if len(y.shape) == len(task.output.shape):
            y = y[..., 0]
        labels = y if is_tracing() else concrete_array(y)
        sample_weight = class_weighted(sample_weight, labels, class_table)
    return x, y, sample_weight


def _mapped(task, dataset, names=None, **options):
    def prepare(*parts):
        if names is not None:
            parts = [parts[0].get(name) for name in names]
        parts = prepared_batch(task, parts, **options)
        return keras.utils.pack_x_y_sample_weight(*parts)

    return mapped(dataset, prepare)


def _from_python(task, batches, passes=1, class_table=None, is_training=True):
    source = BatchSource(batches)
    if source.is_read_once and passes > 1:
        raise ValueError(
            f"A generator is read once, and `epochs={passes}` reads the data "
            "several times: give `steps_per_epoch` (`validation_steps`), or a "
            "list, a `tf.data.Dataset` or a `keras.utils.PyDataset`. Received: "
            f"{type(batches).__name__}"
        )
    x, y, _ = parts_of_batch(source.first)
    are_given = are_ids(x) and not isinstance(batches, RowSlices)
    is_prepared = task.preprocessor is None or are_given
    if isinstance(batches, keras.utils.PyDataset) and is_prepared:
        check = task.batch_check(is_training and y is not None)
        return CheckedBatches(batches, check, class_table, is_training)

    def prepare(batch):
        x, *others = parts_of_batch(batch)
        parts = task.rows_of(x), *others
        parts = prepared_batch(task, parts, class_table, is_training, is_prepared)
        return keras.utils.pack_x_y_sample_weight(*tree.map_structure(_as_array, parts))

    prepare = noting_errors(prepare)
    return dataset_of_batches(
        lambda: map(prepare, source()), prepare(source.first), source.num_batches
    )


def _as_array(x):
    array = concrete_array(x)
    return x if x is None else np.asarray(x) if array is None else array
