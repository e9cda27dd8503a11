"""Choice of the implementation of a recurrent layer."""

import keras
from keras import ops

from longkeras.ops.backend.device import runs_on_cpu
from longkeras.ops.backend.recurrent_layers import fused_layer
from longkeras.ops.recurrence.scan import scan_layer

IMPLEMENTATIONS = ("auto", "scan", "fused")


def recurrent_layer(
    cell,
    inputs,
    state,
    weights,
    is_real=None,
    stays=None,
    implementation="auto",
):
    """Run a recurrent layer over a sequence.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        inputs: float tensor `(sequence, batch, input_dim)`.
        state: tuple of tensors `(batch, units)`.
        weights: kernel, recurrent kernel and bias; see
            `longkeras.ops.recurrence.scan.scan_layer`.
        is_real: bool `(sequence, batch, 1)`, False at padding. Defaults to `None`.
        stays: bool `(sequence, batch, 1)`, False where the state is reset before the
            step. Defaults to `None`.
        implementation: one of `IMPLEMENTATIONS`. Defaults to `"auto"`, see
            `explain_recurrence`.

    Returns:
        `(outputs, state)`: `(sequence, batch, units)`, zero at padding, and the state
        after the last step.
    """

    def scan():
        return scan_layer(cell, inputs, state, weights, is_real, stays)

    if _chosen(implementation)[0] == "scan":
        return scan()
    masks = [x for x in (is_real, stays) if x is not None]
    if not masks:
        return fused_layer(cell, inputs, state, weights)
    # Whether the masks hide anything is known only at run time.
    is_plain = ops.all(ops.stack([ops.all(mask) for mask in masks]))
    return ops.cond(is_plain, lambda: fused_layer(cell, inputs, state, weights), scan)


def explain_recurrence(implementation="auto"):
    """Explain which implementation of recurrent layers runs on this backend.

    Args:
        implementation: `"auto"`, `"scan"` or `"fused"`. Defaults to `"auto"`.

    Returns:
        str.

    Raises:
        ValueError: If the implementation is unknown.

    Example:

    ```python
    from longkeras.ops import explain_recurrence

    print(explain_recurrence())
    ```
    """
    name, reason = _chosen(implementation)
    return f"{name}: {reason}; {_compilation()}"


def check_implementation(implementation):
    """Raise if an implementation is unknown.

    Args:
        implementation: str.

    Raises:
        ValueError: If it is none of `IMPLEMENTATIONS`.
    """
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"`implementation` must be one of {IMPLEMENTATIONS}. "
            f"Received: implementation={implementation!r}"
        )


def _chosen(implementation):
    check_implementation(implementation)
    if implementation != "auto":
        return implementation, "asked for by name"
    if keras.backend.backend() == "torch":
        return "fused", (
            "PyTorch's own operation, where no token is padding and no document "
            "begins, else a scan"
        )
    if runs_on_cpu():
        return "scan", "on a CPU quicker than the layers of Keras"
    return "fused", (
        "the layer of Keras, which is cuDNN's where it can be, if no token is padding "
        "and no document begins, else a scan"
    )


def _compilation():
    backend = keras.backend.backend()
    if backend == "torch":
        return "eager"
    if backend == "tensorflow" and runs_on_cpu():
        return (
            "TensorFlow's own graph: as quick as XLA or quicker where layers are wide, "
            "and nothing to wait for; see `longkeras.fitting.should_jit_compile`"
        )
    return "compiled by XLA"
