"""Training on classes: names, numbers, weights, losses and metrics."""

from collections.abc import Mapping

import numpy as np

from longkeras.models.base.compile_defaults import (
    check_classes_of_loss,
    default_loss,
    default_metrics,
    default_optimizer,
    loss_kind,
)
from longkeras.models.base.data_rows import is_rows, is_uneven
from longkeras.models.base.index_checks import ClassColumns, Extent
from longkeras.ops.backend.concrete import concrete_array
from longkeras.text.pipeline import (
    ArraySpec,
    is_tracing,
    plain_values,
    through_numpy,
)


def check_class_names(class_names, num_classes):
    """Raise a `ValueError` unless there is one name for each class, or None."""
    if class_names is None:
        return
    is_list = isinstance(class_names, list | tuple)
    if not is_list or len(class_names) != num_classes:
        raise ValueError(
            "`class_names` must be a list of one name a class. Received: "
            f"num_classes={num_classes}, class_names={class_names}"
        )


def numbered(y, class_names):
    """Return targets with the numbers of classes in place of their names.

    Args:
        y: nested lists and tuples, array or tensor, with names anywhere in it.
        class_names: list of str, or None.

    Returns:
        The same without names; an array of ints if all were names. Without
        `class_names`, or if there is no name, `y` itself.
    """
    if class_names is None or isinstance(y, Mapping):
        return y
    numbers = {name: number for number, name in enumerate(class_names)}
    if hasattr(y, "with_flat_values"):  # a ragged tensor
        values = numbered(y.flat_values, class_names)
        return y if values is y.flat_values else y.with_flat_values(values)
    if is_tracing():
        if getattr(y.dtype, "name", "") != "string":
            return y
        spec = ArraySpec("int32", tuple(y.shape))
        return through_numpy(
            lambda x: np.array(_looked_up(plain_values(x), numbers)), y, spec
        )
    if not isinstance(y, list | tuple):
        array = concrete_array(y)
        if array is None or array.dtype.kind not in "OSU":
            return y
        y = array.tolist()
    if not _holds_text(y):
        return y
    found = _looked_up(plain_values(y), numbers)
    return np.array(found) if all(isinstance(x, int) for x in found) else found


def multi_hot(y, num_classes, class_names):
    """Return lists of names, one list a text, as float32 `(batch, num_classes)`.

    Anything else is returned unchanged.
    """
    is_lists = isinstance(y, list) and all(isinstance(x, list | tuple) for x in y)
    is_names = is_lists and (_holds_text(y) or not any(y))
    if class_names is None or not is_names:
        return y
    columns = np.zeros((len(y), num_classes), "float32")
    for row, names in zip(columns, numbered(y, class_names), strict=True):
        row[names] = 1.0
    return columns


def class_weight_table(class_weight, num_classes, class_names):
    """Return weights of classes as a float32 array `(num_classes,)`.

    `class_weight` is a dict by number or name of the class; others weigh 1.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "`class_weight` must be a dict of a weight for each class. Received: "
            f"class_weight={class_weight!r:.200}"
        )
    table = np.ones(num_classes, "float32")
    names = list(class_names or [])
    for key, weight in class_weight.items():
        number = names.index(key) if key in names else key
        is_number = isinstance(number, int | np.integer) and not isinstance(key, bool)
        if not is_number or not 0 <= number < num_classes:
            known = f", or of {names}" if names else ""
            raise ValueError(
                f"The keys of `class_weight` must be classes from 0 to "
                f"{num_classes - 1}{known}: the model has "
                f"`num_classes={num_classes}`. Received: key {key!r}"
            )
        table[number] = weight
    return table


def _holds_text(y):
    if isinstance(y, list | tuple):
        return any(_holds_text(x) for x in y)
    return isinstance(y, str | bytes)


def _looked_up(y, numbers):
    if isinstance(y, list | tuple):
        return type(y)(_looked_up(x, numbers) for x in y)
    if not isinstance(y, str):
        return y
    if y not in numbers:
        raise ValueError(
            f"`y` must hold names from `class_names`, {list(numbers)}. Received: {y!r}"
        )
    return numbers[y]


class ClassTargets:
    """Lets a task learn classes by number or name, one or several for each text.

    Mixin. Must precede the task's other bases. The task has an `output_dense`, and
    `class_names` that may be None.
    """

    # The argument of `compile` that defaults to the accuracy.
    metrics_argument = "metrics"
    class_names = None
    _is_reloading = False

    def compile(self, optimizer="auto", loss="auto", **kwargs):
        """Configure training; see `keras.Model.compile`.

        Args:
            optimizer: Defaults to `"auto"`, Adam at 5e-5.
            loss: Defaults to `"auto"`: the cross-entropy of one class a text, or with
                `activation="sigmoid"` binary cross-entropy, for targets of one column
                a class.
            **kwargs: See `keras.Model.compile`. `metrics` (of a token classifier
                `weighted_metrics`) defaults to `"auto"`, the accuracy that fits the
                loss: `SparseCategoricalAccuracy`, `CategoricalAccuracy` or
                `BinaryAccuracy`, and none for other losses.

        Raises:
            ValueError: If the model has one class, and the loss chooses among classes.
        """
        optimizer = default_optimizer(optimizer)
        if isinstance(loss, str) and loss == "auto":
            loss = default_loss(self.output_dense.activation)
        elif not self._is_reloading:
            check_classes_of_loss(loss, self.output_dense.units)
        if kwargs.get(self.metrics_argument, "auto") == "auto":
            kwargs[self.metrics_argument] = default_metrics(loss)
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def compile_from_config(self, config):
        """Compile with the result of `get_compile_config`."""
        # A saved model loads even if its loss would be refused in training.
        self._is_reloading = True
        try:
            super().compile_from_config(config)
        finally:
            self._is_reloading = False

    def encoded_targets(self, y):
        """Return targets with numbers in place of names; see `TextTraining`."""
        if loss_kind(self.loss) in ("binary", "categorical"):
            return multi_hot(y, self.num_classes, self.class_names)
        return numbered(y, self.class_names)

    def target_rules(self):
        """Return the rules for targets; see `TextTraining`."""
        check_classes_of_loss(self.loss, self.num_classes)
        return super().target_rules()

    def class_weights(self, class_weight):
        """Return the weights of classes as a float32 array `(num_classes,)`.

        A `ValueError` refuses keys that are not classes, and models in which several
        classes may be true of a text.
        """
        if loss_kind(self.loss) == "sparse":
            return class_weight_table(class_weight, self.num_classes, self.class_names)
        return super().class_weights(class_weight)

    def checked_targets(self, y):
        """Return encoded targets, if all labels are classes; see `TextTraining`."""
        y = self.encoded_targets(y)
        rule = self.target_rules().get("y")
        if rule is None or not is_rows(y):
            return y
        labels = self.plain_labels(y)
        if not len(labels):
            return y
        values = concrete_array(labels)
        if values is None:
            # Uneven rows become an array of lists, without columns.
            is_columns = isinstance(rule, ClassColumns)
            kind = object if is_columns and is_uneven([labels]) else None
            values = np.array(labels, dtype=kind)
        ignored = getattr(rule, "ignore_class", None)
        if ignored is not None and values.dtype.kind in "iuf":
            values = np.where(values == ignored, 0, values)
        rule.check("y", Extent.of(values))
        return y

    def plain_labels(self, y):
        """Return labels without the spans that they may be part of: here `y` itself."""
        return y
