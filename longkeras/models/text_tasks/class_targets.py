"""Training on classes: losses, metrics, names and weights."""

import numpy as np

from longkeras.models.base.automatic_metrics import (
    automatic_loss,
    automatic_metrics,
    automatic_optimizer,
    check_classes_of_loss,
    loss_kind,
)
from longkeras.models.base.index_checks import ClassColumns, Extent
from longkeras.models.base.text_columns import is_rows, is_uneven
from longkeras.models.text_tasks.class_labels import (
    check_class_labels,
    class_weight_table,
    multi_hot,
    numbered,
)
from longkeras.ops.backend.concrete import concrete_array


class ClassTargets:
    """Lets a task learn classes by number or name, one or several for each text.

    Mixin. Must precede the task's other bases. The task has an `output_dense`, and
    `class_names` that may be None.
    """

    # The argument of `compile` that is the accuracy unless something is given.
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
        optimizer = automatic_optimizer(optimizer)
        if isinstance(loss, str) and loss == "auto":
            loss = automatic_loss(self.output_dense.activation)
        elif not self._is_reloading:
            check_classes_of_loss(loss, self.output_dense.units)
        if kwargs.get(self.metrics_argument, "auto") == "auto":
            kwargs[self.metrics_argument] = automatic_metrics(loss)
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def compile_from_config(self, config):
        """Compile with the result of `get_compile_config`."""
        # What was saved loads, also where its loss would be refused in training.
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

    def check_targets(self, y):
        """Raise a `ValueError` for labels that are not classes; see `TextTraining`."""
        rule = self.target_rules().get("y")
        if rule is None or not is_rows(y):
            return
        labels = self.plain_labels(self.encoded_targets(y))
        if isinstance(rule, ClassColumns):
            array = concrete_array(labels)
            if array is None:
                # Uneven rows make an array of lists, which has no columns.
                kind = object if is_uneven([labels]) else None
                array = np.array(labels, dtype=kind)
            rule.check("y", Extent.of(array))
        else:
            check_class_labels(labels, rule)

    def plain_labels(self, y):
        """Return labels without the spans that they may be part of: here `y` itself."""
        return y
