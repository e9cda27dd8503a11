"""Data of `fit`, `evaluate` and `predict` as batches that fit the model."""

import contextlib
import warnings

import keras
import numpy as np
from keras import tree

from longkeras.models.base.automatic_metrics import target_rules
from longkeras.models.base.checked_batches import (
    BatchCheck,
    BatchSource,
    CheckedBatches,
    RowSlices,
    are_ids,
    parts_of_batch,
    without_none,
)
from longkeras.models.base.index_checks import check_made_targets
from longkeras.models.base.kept_weights import kept_weights
from longkeras.models.base.shuffled_fit import columns_of, is_rows
from longkeras.models.base.tensor_pipeline import (
    class_weighted,
    dataset_of_batches,
    dataset_of_rows,
    is_tf_dataset,
    mapped,
    token_weights,
)
from longkeras.models.base.text_columns import as_columns, is_batches, is_uneven
from longkeras.ops.implementations.concrete import concrete_array
from longkeras.text.pipeline_errors import ErrorsAsRaised, noting_errors
from longkeras.text.subword_pipeline import in_graph

_EXPECTED = (
    "texts as a list, an array of strings, a column of `datasets` or a pandas Series; "
    "a `tf.data.Dataset` of batches; or a `keras.utils.PyDataset` or generator of "
    "batches `x`, `(x, y)` or `(x, y, sample_weight)`"
)


class PreparedData:
    """Prepares batches: preprocesses texts, numbers classes, and checks indices.

    Everything that `fit`, `evaluate`, `predict` and their kin are given passes through
    `preprocess_samples`, one batch after another. There texts become ids, and ids and
    targets are compared with the tables that they index before the model sees them.

    Mixin. Must precede a `keras_hub.models.Task`, and follow those that change rows.
    """

    # Whether targets and their weights are made of the texts themselves.
    makes_targets = False

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        class_weight=None,
        shuffle=True,
        **kwargs,
    ):
        """Train; see `keras.Model.fit` and `TextsOrIds.fit`.

        Args:
            x: rows, or a dataset, `PyDataset` or generator of batches.
            y: targets of rows. Defaults to `None`.
            batch_size: int. Rows of a step. Defaults to `None`, 32.
            sample_weight: weights of rows. Defaults to `None`.
            validation_data: what `x` may be, or a tuple of rows `(x, y)` or
                `(x, y, sample_weight)`. Defaults to `None`.
            validation_split: None, since rows have been split before. Defaults to
                `None`.
            class_weight: dict of numbers by class. Defaults to `None`.
            shuffle: bool. Whether a `PyDataset` of ids gives its batches in an order
                that is drawn. Defaults to `True`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if validation_split:
            raise ValueError(
                "`validation_split` needs rows of known number, such as lists and "
                "arrays: give `validation_data` instead. Received: "
                f"validation_split={validation_split}, x of type {type(x).__name__}"
            )
        epochs = kwargs.get("epochs", 1) - kwargs.get("initial_epoch", 0)
        steps = kwargs.get("steps_per_epoch"), kwargs.get("validation_steps")
        passes, validation_passes = (1 if each else epochs for each in steps)
        validation_batch_size = kwargs.pop("validation_batch_size", None) or batch_size
        with ErrorsAsRaised(), kept_weights(self), _quiet_end(*steps):
            data = self._prepared(
                *(x, y, sample_weight, batch_size),
                passes=passes,
                class_table=self._class_table(class_weight),
            )
            if validation_data is not None:
                # A tuple is rows with their targets; everything else is `x` alone.
                parts = validation_data
                parts = parts if isinstance(parts, tuple) else (parts,)
                validation_data = self._prepared(
                    *(*parts, None, None)[:3],
                    validation_batch_size,
                    passes=validation_passes,
                )
            # Keras warns where it does not shuffle.
            shuffle = shuffle and isinstance(data, keras.utils.PyDataset)
            return keras.Model.fit(
                self, data, validation_data=validation_data, shuffle=shuffle, **kwargs
            )

    def evaluate(self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs):
        """Evaluate; see `keras.Model.evaluate`, and `fit` for the arguments."""
        if kwargs.get("_use_cached_eval_dataset"):
            # `fit` evaluates on what it has prepared.
            return keras.Model.evaluate(self, x, y, **kwargs)
        with ErrorsAsRaised(), kept_weights(self), _quiet_end(kwargs.get("steps")):
            data = self._prepared(x, y, sample_weight, batch_size)
            return keras.Model.evaluate(self, data, **kwargs)

    def predict(self, x=None, batch_size=None, **kwargs):
        """Predict; see `keras.Model.predict`, and `fit` for `x`."""
        with ErrorsAsRaised(), kept_weights(self), _quiet_end(kwargs.get("steps")):
            data = self._prepared(x, None, None, batch_size, is_training=False)
            return keras.Model.predict(self, data, **kwargs)

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, **kwargs
    ):
        """Train on one batch; see `keras.Model.train_on_batch`, and `fit`."""
        table = self._class_table(class_weight)
        batch = self._one_batch(x, y, sample_weight, class_table=table)
        return keras.Model.train_on_batch(self, *batch, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Evaluate on one batch; see `keras.Model.test_on_batch`, and `fit`."""
        batch = self._one_batch(x, y, sample_weight)
        return keras.Model.test_on_batch(self, *batch, **kwargs)

    def predict_on_batch(self, x, **kwargs):
        """Predict on one batch; see `keras.Model.predict_on_batch`, and `fit`."""
        x, _, _ = self._one_batch(x, is_training=False)
        return keras.Model.predict_on_batch(self, x, **kwargs)

    def preprocess_samples(self, x, y=None, sample_weight=None):
        """One batch as what the model is given.

        Args:
            x: texts, or what else the preprocessor takes; ids without one.
            y: targets. Defaults to `None`.
            sample_weight: weights. Defaults to `None`.

        Returns:
            Inputs, or a tuple of inputs, targets and perhaps weights.

        Raises:
            ValueError: If an id or target lies beyond the table that it indexes, or
                there are targets which the model makes itself.
        """
        return _packed(noting_errors(self._preprocessed)(x, y, sample_weight))

    def encoded_targets(self, y):
        """Targets as the preprocessor takes them: here as they are.

        Args:
            y: targets.

        Returns:
            The same.
        """
        return y

    def target_rules(self):
        """What targets must be.

        Returns:
            dict of `ClassLabels` and `ClassColumns` by name, see
            `longkeras.models.base.automatic_metrics.target_rules`.
        """
        return target_rules(getattr(self, "loss", None), self.output)

    def class_weights(self, class_weight):
        """Weights of classes as an array: refused here.

        Args:
            class_weight: dict of numbers by class.

        Raises:
            ValueError: Always. A classifier with one class a text overrides this.
        """
        raise ValueError(
            "`class_weight` is for a model that is compiled to choose one class of "
            "several: give `sample_weight` instead. Received: "
            f"class_weight={class_weight!r:.200}"
        )

    def batch_check(self, has_targets=True):
        """The check of a batch, with the sizes of this model's tables.

        Args:
            has_targets: bool. Whether there are targets. Defaults to `True`.

        Returns:
            `longkeras.models.base.checked_batches.BatchCheck`.
        """
        rules = self.target_rules() if has_targets else {}
        return BatchCheck(self.input_limits(), rules)

    def rows_of(self, x):
        """What was given as lists and arrays; see `as_columns`.

        Args:
            x: See `fit`.

        Returns:
            The same as lists, arrays and tensors, with tuples and dicts as structure.
        """
        return as_columns(x)

    def _class_table(self, class_weight):
        return None if class_weight is None else self.class_weights(class_weight)

    def _one_batch(self, x, y=None, sample_weight=None, **options):
        parts = self.rows_of(x), as_columns(y), as_columns(sample_weight)
        return _as_tensors(self._prepared_batch(parts, **options))

    def _preprocessed(self, x, y, sample_weight, is_prepared=False):
        row_weights = None
        if y is not None:
            y = self.encoded_targets(y)
        if self.preprocessor is not None and not is_prepared:
            if self.makes_targets and not _has_positions(x):
                check_made_targets(y)
                row_weights, sample_weight = sample_weight, None
            data = super().preprocess_samples(x, y, sample_weight)
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if row_weights is not None:
            sample_weight = token_weights(sample_weight, row_weights)
        if isinstance(x, dict):
            check = self.batch_check(y is not None)
            x, y, sample_weight = check(without_none(x), y, sample_weight)
        return x, y, sample_weight

    def _prepared(self, x, y, sample_weight, batch_size, passes=1, **options):
        """Data as what Keras iterates over, in batches that fit the model."""
        if is_rows(x):
            rows, batch_size = (x, y, sample_weight), batch_size or 32
            if is_uneven(columns_of(rows)):
                return self._from_python(RowSlices(rows, batch_size), **options)
            # Keras' own packing drops weights where there are no targets.
            names = ("x", "y", "sample_weight")
            rows = dict(zip(names, rows, strict=True))
            dataset = dataset_of_rows(without_none(rows), batch_size)
            return self._mapped(dataset, names, **options)
        if y is not None or sample_weight is not None:
            raise ValueError(
                "`y` and `sample_weight` must be parts of the batches where `x` is a "
                "dataset or generator: `(x, y)` or `(x, y, sample_weight)`. Received: "
                f"x of type {type(x).__name__}"
            )
        if is_tf_dataset(x):
            return self._mapped(x, **options)
        if is_batches(x):
            return self._from_python(x, passes, **options)
        raise ValueError(
            f"`x` must be {_EXPECTED}. Received: x of type {type(x).__name__}"
        )

    def _mapped(self, dataset, names=None, **options):
        def prepare(*parts):
            if names is not None:
                parts = [parts[0].get(name) for name in names]
            return _packed(self._prepared_batch(parts, **options))

        return mapped(dataset, prepare)

    def _from_python(self, batches, passes=1, class_table=None, is_training=True):
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
        is_prepared = self.preprocessor is None or are_given
        if isinstance(batches, keras.utils.PyDataset) and is_prepared:
            check = self.batch_check(is_training and y is not None)
            return CheckedBatches(batches, check, class_table, is_training)

        def prepare(batch):
            x, *others = parts_of_batch(batch)
            parts = self.rows_of(x), *others
            parts = self._prepared_batch(parts, class_table, is_training, is_prepared)
            return _packed(tree.map_structure(_as_array, parts))

        prepare = noting_errors(prepare)
        return dataset_of_batches(
            lambda: map(prepare, source()), prepare(source.first), source.num_batches
        )

    def _prepared_batch(
        self, parts, class_table=None, is_training=True, is_prepared=False
    ):
        """`(inputs, targets, weights)` of a batch, as the model takes them."""
        x, y, sample_weight = (*parts, None, None)[:3]
        if not is_training:
            y = sample_weight = None
        elif y is None and self.needs_targets:
            raise ValueError(
                "The batches must be `(x, y)` or `(x, y, sample_weight)`, since the "
                "model learns from targets. Received: batches of `x` alone"
            )
        if is_prepared:
            parts = self._preprocessed(x, y, sample_weight, is_prepared=True)
        else:
            data = self.preprocess_samples(x, y, sample_weight)
            parts = keras.utils.unpack_x_y_sample_weight(data)
        x, y, sample_weight = parts
        if not is_training:
            return x, None, None
        if class_table is not None:
            if len(y.shape) == len(self.output.shape):
                y = y[..., 0]
            labels = y if in_graph() else concrete_array(y)
            sample_weight = class_weighted(sample_weight, labels, class_table)
        return x, y, sample_weight


@contextlib.contextmanager
def _quiet_end(*steps):
    """Leaves out Keras' warning of the end of data whose length nobody claimed."""
    with warnings.catch_warnings():
        if not any(steps):
            # Keras gives it whenever a generator or the like ends.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


def _has_positions(x):
    return isinstance(x, dict) and x.get("mask_positions") is not None


def _packed(parts):
    return keras.utils.pack_x_y_sample_weight(*parts)


def _as_array(x):
    array = concrete_array(x)
    return x if x is None else np.asarray(x) if array is None else array


def _as_tensors(parts):
    return tree.map_structure(
        lambda x: None if x is None else keras.ops.convert_to_tensor(x), parts
    )
