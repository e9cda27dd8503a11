"""`fit`, `evaluate`, `predict` and their kin, on texts or ids in any form."""

import contextlib
import warnings

import keras
from keras import tree

from longkeras.models.base.compile_defaults import target_rules
from longkeras.models.base.data_batches import (
    BatchCheck,
    prepared_batch,
    prepared_data,
    without_none,
)
from longkeras.models.base.data_rows import (
    as_columns,
    check_texts,
    count_of,
    is_rows,
    is_text,
    one_text_as_rows,
    split_and_shuffled,
)
from longkeras.models.base.inputs import check_vocabulary
from longkeras.models.base.tf_data_pipeline import with_made_targets
from longkeras.text.pipeline import ErrorsAsRaised, noting_errors


@contextlib.contextmanager
def _keras_run(model, *steps):
    """Context for `keras.Model.fit`, `evaluate` and `predict`.

    Errors in the data are raised as they were, and keep the weights. Unless one of
    `steps` is given, Keras does not warn that data of unknown length has ended.
    """
    with ErrorsAsRaised(), _kept_weights(model), warnings.catch_warnings():
        if not any(steps):
            # Keras warns whenever a generator ends.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


@contextlib.contextmanager
def _kept_weights(model):
    """Restore the weights if reading a batch fails on JAX.

    There, Keras takes the values of all variables out of the model while it runs, and
    does not put them back when an error ends the loop (as of Keras 3.15).
    """
    if keras.backend.backend() != "jax":
        yield
        return
    state = vars(model).get("_jax_state")
    values = [(variable, variable.value) for variable in model.variables]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        values += [(variable, variable.value) for variable in optimizer.variables]
    try:
        yield
    except BaseException:
        if vars(model).get("_jax_state") is not state:
            model.jax_state_sync()  # the values of the steps that were completed
        for variable, value in values:
            if _is_lost(variable):
                variable.assign(value)
        raise


def _is_lost(variable):
    try:
        return variable.value is None
    except TypeError:  # Keras calls an initializer that it does not have any more.
        return True


class TextTraining:
    """Trains, evaluates and predicts on texts, on ids, or on batches of either.

    Data takes the same steps everywhere: rows become columns; texts and targets are
    checked; rows are split and shuffled (`data_rows`); and each batch is preprocessed
    and checked (`data_batches`) before Keras runs the model.

    Mixin. Must precede a `keras_hub.models.Task`, and follow `TextInputs`. Tasks
    override the public methods below `predict_on_batch`.

    Attributes:
        needs_targets: bool. Whether the model learns from targets that are given.
        makes_targets: bool. Whether the preprocessor makes targets and their weights
            of the texts.
    """

    needs_targets = False
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
        callbacks=None,
        **kwargs,
    ):
        """Train; see `keras.Model.fit`.

        Args:
            x: texts: a list, tuple or other sequence of strings, such as a column of
                `datasets`; an array, tensor or pandas Series; or what else the
                preprocessor takes. Ids without a preprocessor: a dict of tensors, of
                which only `token_ids` must be there. Or batches `x`, `(x, y)` or
                `(x, y, sample_weight)` of these: a `tf.data.Dataset`, a
                `keras.utils.PyDataset`, or a generator. Batches of ids from the last
                two are not preprocessed.
            y: targets of the rows: for a classifier the numbers of classes, or their
                names if the model has `class_names`. Defaults to `None`.
            batch_size: int. Rows of a step. Defaults to `None`, 32.
            sample_weight: weights of the rows. Defaults to `None`.
            validation_data: tuple of rows `(x, y)` or `(x, y, sample_weight)`, or
                batches. Defaults to `None`.
            validation_split: float. Part of the rows, the last ones before shuffling,
                to validate with; `validation_data` overrides it. Defaults to `None`.
            class_weight: dict of numbers by the number or name of a class. Defaults to
                `None`.
            shuffle: bool. Whether to shuffle the rows, in the same order for all
                epochs, from the seed of `keras.utils.set_random_seed`; of a
                `PyDataset` of ids, whether to shuffle its batches. Defaults to `True`.
            callbacks: list of `keras.callbacks.Callback`. Defaults to `None`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If texts, targets or options are invalid.
        """
        rows = self._checked_rows(x, y, sample_weight)
        if validation_data is not None:
            validation_data = self._checked_validation(validation_data)
        elif validation_split and not is_rows(rows[0]):
            raise ValueError(
                "`validation_split` needs rows of known number, such as lists and "
                "arrays: give `validation_data` instead. Received: "
                f"validation_split={validation_split}, x of type {type(x).__name__}"
            )
        if is_rows(rows[0]):
            split = validation_split if validation_data is None else None
            rows, held_out = split_and_shuffled(rows, split, shuffle)
            validation_data = held_out or validation_data
        epochs = kwargs.get("epochs", 1) - kwargs.get("initial_epoch", 0)
        steps = kwargs.get("steps_per_epoch"), kwargs.get("validation_steps")
        passes = [1 if each else epochs for each in steps]
        batch_sizes = batch_size, kwargs.pop("validation_batch_size", None)
        if added := self.training_callbacks():
            callbacks = [*(callbacks or []), *added]
        with _keras_run(self, *steps):
            table = self._class_table(class_weight)
            data = prepared_data(
                self, rows, batch_sizes[0], passes[0], class_table=table
            )
            if validation_data is not None:
                validation_data = prepared_data(
                    self, validation_data, batch_sizes[1] or batch_size, passes[1]
                )
            # Keras warns about `shuffle` for a dataset.
            shuffle = shuffle and isinstance(data, keras.utils.PyDataset)
            return keras.Model.fit(
                self,
                data,
                validation_data=validation_data,
                shuffle=shuffle,
                callbacks=callbacks,
                **kwargs,
            )

    def evaluate(self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs):
        """Evaluate; see `keras.Model.evaluate`, and `fit` for the arguments."""
        if kwargs.get("_use_cached_eval_dataset"):
            # `fit` evaluates on data that it has prepared.
            return keras.Model.evaluate(self, x, y, **kwargs)
        rows = self._checked_rows(x, y, sample_weight)
        with _keras_run(self, kwargs.get("steps")):
            data = prepared_data(self, rows, batch_size)
            return keras.Model.evaluate(self, data, **kwargs)

    def predict(self, x, batch_size=None, **kwargs):
        """Predict; see `keras.Model.predict`.

        Args:
            x: See `fit`. A single text is a batch of one.
            batch_size: int. Rows of a step. Defaults to `None`, 32.
            **kwargs: See `keras.Model.predict`.

        Returns:
            NumPy array, or dict of them, with one row for each text.
        """
        if self.preprocessor is not None:
            x = one_text_as_rows(x)
        rows = self._readable(self.rows_of(x)), None, None
        with _keras_run(self, kwargs.get("steps")):
            data = prepared_data(self, rows, batch_size, is_training=False)
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

    def rows_of(self, x):
        """Return inputs as lists, arrays and tensors; see `as_columns`."""
        return as_columns(x)

    def checked_targets(self, y):
        """Return the targets of all rows, encoded, or raise a `ValueError`."""
        return self.encoded_targets(y)

    def encoded_targets(self, y):
        """Return targets as the preprocessor takes them: here unchanged."""
        return y

    def target_rules(self):
        """Return the rules for the targets of the preprocessor.

        Returns:
            dict of `ClassLabels` and `ClassColumns` by name, see
            `longkeras.models.base.compile_defaults.target_rules`.
        """
        return target_rules(getattr(self, "loss", None), self.output)

    def class_weights(self, class_weight):
        """Return the weights of classes as an array; here always a `ValueError`.

        A classifier with one class a text overrides this.
        """
        raise ValueError(
            "`class_weight` is for a model that is compiled to choose one class of "
            "several: give `sample_weight` instead. Received: "
            f"class_weight={class_weight!r:.200}"
        )

    def training_callbacks(self):
        """Return the callbacks that the task adds to every `fit`: here none."""
        return []

    def batch_check(self, has_targets=True):
        """Return the `BatchCheck` with the limits of this model."""
        rules = self.target_rules() if has_targets else {}
        return BatchCheck(self.table_of_inputs(), rules)

    def preprocess_samples(self, x, y=None, sample_weight=None):
        """Preprocess and check one batch; see `keras_hub.models.Task`.

        Returns:
            Inputs, or a tuple of inputs, targets and perhaps weights.

        Raises:
            ValueError: If an index or target is invalid, or a model that makes its
                own targets is given some.
        """
        parts = noting_errors(self.prepared_samples)(x, y, sample_weight)
        return keras.utils.pack_x_y_sample_weight(*parts)

    def prepared_samples(self, x, y, sample_weight, is_prepared=False):
        """Return one batch `(x, y, sample_weight)`, preprocessed and checked.

        With `is_prepared`, `x` is ids already, which are only checked.
        """
        if y is not None:
            # Encoding again does not change the targets of rows.
            y = self.encoded_targets(y)
        if self.preprocessor is not None and not is_prepared:
            has_positions = isinstance(x, dict) and x.get("mask_positions") is not None
            preprocess = super().preprocess_samples
            if self.makes_targets and not has_positions:
                # KerasHub's preprocessors drop targets and weights.
                parts = with_made_targets(preprocess, x, y, sample_weight)
            else:
                parts = preprocess(x, y, sample_weight)
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(parts)
        if isinstance(x, dict):
            check = self.batch_check(y is not None)
            x, y, sample_weight = check(without_none(x), y, sample_weight)
        return x, y, sample_weight

    def _one_batch(self, x, y=None, sample_weight=None, **options):
        parts = self.rows_of(x), as_columns(y), as_columns(sample_weight)
        return tree.map_structure(
            lambda x: None if x is None else keras.ops.convert_to_tensor(x),
            prepared_batch(self, parts, **options),
        )

    def _class_table(self, class_weight):
        return None if class_weight is None else self.class_weights(class_weight)

    def _checked_rows(self, x, y=None, sample_weight=None):
        """Return texts, targets and weights as columns, if they are valid."""
        x, y, sample_weight = self.rows_of(x), as_columns(y), as_columns(sample_weight)
        if is_rows(x):
            if y is None and self.needs_targets:
                raise ValueError(
                    "`y` must be given: the model learns from targets, one for each "
                    "text. Received: y=None"
                )
            count_of((x, y, sample_weight))
            y = self.checked_targets(y)
        return self._readable(x), y, sample_weight

    def _checked_validation(self, data):
        is_parts = isinstance(data, tuple | list) and not all(map(is_text, data))
        if is_parts:
            return self._checked_rows(*data)
        rows = self.rows_of(data)
        return self._checked_rows(rows) if is_rows(rows) else (data, None, None)

    def _readable(self, x):
        """Return inputs that the model can read, ids without those that are None."""
        if self.preprocessor is None:
            return self.checked(x) if isinstance(x, dict | str) or is_rows(x) else x
        check_vocabulary(self)
        check_texts(x)
        return x
