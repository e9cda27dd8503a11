"""Optimizer, loss and metrics that `compile` chooses unless they are given."""

import keras

from longkeras.models.base.index_checks import ClassColumns, ClassLabels

# Losses by the kind of their targets.
_SPARSE = ("SparseCategoricalCrossentropy",)
_CATEGORICAL = ("CategoricalCrossentropy", "CategoricalFocalCrossentropy")
_BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")


def loss_kind(loss):
    """Return the kind of targets that a loss takes.

    Args:
        loss: `keras.losses.Loss`, function, name, or None.

    Returns:
        str: `"sparse"` for class numbers, `"categorical"` for one column a class of
        which one is true, `"binary"` for one column a class of which any may be
        true; None for every other loss.
    """
    kinds = {"sparse": _SPARSE, "categorical": _CATEGORICAL, "binary": _BINARY}
    for kind, names in kinds.items():
        for name in names:
            function = _snake(name)
            same = isinstance(loss, str) and loss in (name, function)
            same = same or loss is getattr(keras.losses, function)
            if same or isinstance(loss, getattr(keras.losses, name)):
                return kind
    return None


def automatic_optimizer(optimizer):
    """Return an optimizer, or Adam at the rate of KerasHub's tasks for `"auto"`."""
    return keras.optimizers.Adam(5e-5) if optimizer == "auto" else optimizer


def automatic_loss(activation):
    """Return the loss of a classifier whose outputs have an activation.

    Args:
        activation: function, name or None.

    Returns:
        `keras.losses.Loss`: for a sigmoid binary cross-entropy, since several classes
        may be true; else the cross-entropy of one class.
    """
    activation = keras.activations.get(activation)
    if activation is keras.activations.sigmoid:
        return keras.losses.BinaryCrossentropy()
    from_logits = activation is not keras.activations.softmax
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


def automatic_metrics(loss, name=None):
    """Return the accuracy that reads the targets as a loss does.

    Args:
        loss: See `loss_kind`.
        name: str. Name of the metric. Defaults to `None`, that of its class.

    Returns:
        list of one `keras.metrics.Metric`, or empty where no accuracy fits.
    """
    kind = loss_kind(loss)
    name = {} if name is None else {"name": name}
    if kind == "sparse":
        return [keras.metrics.SparseCategoricalAccuracy(**name)]
    if kind == "categorical":
        return [keras.metrics.CategoricalAccuracy(**name)]
    if kind == "binary":
        # Half a probability is a logit of zero.
        threshold = 0.0 if getattr(loss, "from_logits", False) else 0.5
        return [keras.metrics.BinaryAccuracy(threshold=threshold, **name)]
    return []


def check_classes_of_loss(loss, num_classes):
    """Refuse a loss that chooses among classes for a model with one class.

    Args:
        loss: See `loss_kind`.
        num_classes: int.

    Raises:
        ValueError: If there is one class, for which such a loss is always 0.
    """
    if num_classes == 1 and loss_kind(loss) in ("sparse", "categorical"):
        raise ValueError(
            "`num_classes=1` does not fit a loss that chooses among classes: the only "
            "class is always right. For yes or no make the model with `num_classes=2`, "
            'or with `activation="sigmoid"`, which `compile` gives binary '
            'cross-entropy; for a number, `compile(loss="mse")`. Received: '
            f"num_classes=1, loss={_loss_name(loss)}"
        )


def target_rules(loss, outputs):
    """Return the rules for the targets of a compiled model.

    Args:
        loss: what `compile` was given: a loss, or a dict of them by output.
        outputs: tensor, or dict of tensors by name.

    Returns:
        dict of `ClassLabels` or `ClassColumns` by the names of
        `longkeras.models.base.index_checks.named_targets`, without targets of which
        nothing is known.
    """
    outputs = outputs if isinstance(outputs, dict) else {"y": outputs}
    losses = loss if isinstance(loss, dict) else dict.fromkeys(outputs, loss)
    rules = {}
    for name, output in outputs.items():
        kind = loss_kind(losses.get(name))
        classes = output.shape[-1]
        if kind == "sparse":
            ignored = getattr(losses[name], "ignore_class", None)
            rules[name] = ClassLabels(classes, len(output.shape) - 1, ignored)
        elif kind is not None:
            rules[name] = ClassColumns(classes)
    return rules


def _snake(name):
    return "".join(f"_{x.lower()}" if x.isupper() else x for x in name).strip("_")


def _loss_name(loss):
    return loss if isinstance(loss, str) else type(loss).__name__
