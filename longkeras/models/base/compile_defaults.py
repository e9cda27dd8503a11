"""Optimizer, loss, metrics and `jit_compile` that `compile` chooses for `"auto"`."""

import keras

from longkeras.models.base.index_checks import ClassColumns, ClassLabels
from longkeras.ops.backend.device import runs_on_cpu

# Losses by the kind of their targets.
_SPARSE = ("SparseCategoricalCrossentropy",)
_CATEGORICAL = ("CategoricalCrossentropy", "CategoricalFocalCrossentropy")
_BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")


def loss_kind(loss):
    """Return the kind of targets that a loss (object, function or name) takes.

    `"sparse"` for class numbers, `"categorical"` for one column a class of which one
    is true, `"binary"` for one column a class of which any may be true, else None.
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


def default_optimizer(optimizer):
    """Return an optimizer, or for `"auto"` Adam at 5e-5, as KerasHub's classifiers."""
    return keras.optimizers.Adam(5e-5) if optimizer == "auto" else optimizer


def default_loss(activation):
    """Return the loss of a classifier, given the activation of its outputs.

    Binary cross-entropy for a sigmoid, since several classes may be true; otherwise
    sparse categorical cross-entropy.
    """
    activation = keras.activations.get(activation)
    if activation is keras.activations.sigmoid:
        return keras.losses.BinaryCrossentropy()
    from_logits = activation is not keras.activations.softmax
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


def default_metrics(loss, name=None):
    """Return a list of the accuracy that reads targets as `loss` does.

    The list is empty if no accuracy fits the loss.
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
    """Raise a `ValueError` if there is one class and the loss chooses among classes.

    Such a loss is always 0.
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
        loss: A loss, or a dict of losses by output.
        outputs: tensor, or dict of tensors by name.

    Returns:
        dict of `ClassLabels` or `ClassColumns` by the names of `named_targets`,
        without targets of other losses.
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


def xla_helps(model):
    """Return whether XLA makes the training of a model faster.

    Always on JAX, which has nothing else, and never on PyTorch. On a CPU, TensorFlow's
    own graph multiplies wide matrices 1.3 times faster and frees memory earlier;
    attention has its own XLA program either way. TensorFlow has fused recurrent
    layers, so recurrent models are not compiled there.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return backend == "jax"
    backbone = getattr(model, "backbone", model)
    return not runs_on_cpu() and not hasattr(backbone, "recurrent_stack")


class CompilePolicy:
    """Compiles without XLA where it does not help, unless the user decides.

    Mixin. Must precede a `keras_hub.models.Task` in the bases.
    """

    _asked_to_jit_compile = "auto"

    def compile(self, *args, jit_compile="auto", **kwargs):
        """Configure training; see the `compile` of the task.

        `jit_compile="auto"` compiles the model as a whole where `xla_helps` says so.
        """
        self._asked_to_jit_compile = jit_compile
        if jit_compile == "auto" and not xla_helps(self):
            jit_compile = False
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def get_compile_config(self):
        """Return the arguments of `compile`; `"auto"` stays, for other backends."""
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._asked_to_jit_compile
        return config
