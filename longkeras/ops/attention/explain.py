"""Explanation of the kernels that run for a call of attention or in a model."""

import keras

from longkeras.ops.attention import call_recorder, dispatch
from longkeras.ops.backend.tracing import trace


def explain(
    pattern,
    query_length=None,
    key_length=None,
    is_masked=False,
    has_dropout=False,
    has_padding=False,
    global_rows=None,
    **options,
):
    """Say in words what runs for a call of attention, or for a model, and why.

    For a call, it takes what is known of the call before it runs. For a model or a
    layer, `explain(model, inputs)` traces the model as `predict` does and lists its
    attention layers, equal ones together. Values of tensors decide nothing.

    Args:
        pattern: `longkeras.patterns.BandedPattern`; or a `keras.Model` or
            `keras.layers.Layer`.
        query_length: int. Defaults to `None`, a length unknown while tracing. With a
            model, its inputs.
        key_length: int. Defaults to `query_length`.
        is_masked: bool, whether global keys or documents are given. Defaults to
            `False`.
        has_dropout: bool. Defaults to `False`.
        has_padding: bool, whether a padding mask is given. Defaults to `False`.
        global_rows: str. `"projected"` if global queries have projections of their
            own, as in `longformer_attention`; `"absorbable"` if a layer may also
            leave a text unprojected: float32, not quantized, no rotary positions.
            Defaults to `None`, no global query has.
        **options: `backend`, `device` (`"cpu"` or `"gpu"`) and `is_graph` (bool, a
            traced graph on TensorFlow) of another call than one made here and now.
            With a model, arguments of its call, such as `training=True`.

    Returns:
        str. A line for each kernel of the band, one for global rows, one for XLA.

    Raises:
        ValueError: If `global_rows` has another value.

    Example:

    ```python
    from longkeras.ops import explain
    from longkeras.patterns import BandedPattern

    print(explain(BandedPattern.causal(256), query_length=16384))
    ```
    """
    if isinstance(pattern, keras.layers.Layer):
        return _explain_model(pattern, query_length, options)
    if global_rows not in (None, "projected", "absorbable"):
        raise ValueError(
            "`global_rows` must be None, 'projected' or 'absorbable'. "
            f"Received: global_rows={global_rows!r}"
        )
    signature = dispatch.CallSignature(
        pattern,
        query_length,
        query_length if key_length is None else key_length,
        is_masked or global_rows is not None,
        has_dropout,
        has_padding,
        global_rows,
        **options,
    )
    return _told(signature, dispatch.plan(signature))


def _told(signature, plan):
    lines = []
    for candidate in plan.candidates:
        verdict = "chosen" if candidate.name == plan.kernel.name else "not chosen"
        if not candidate.can_run:
            verdict = "cannot run"
        lines.append(f"{candidate.name}: {verdict}, {candidate.reason}")
    if plan.global_rows is not None:
        how = {"absorbed": "absorbed projections", "dense": "dense rows"}
        how = how.get(plan.global_rows, "tiled rows")
        lines.append(f"global rows: {how}, {plan.global_rows_reason}")
    if signature.backend == "tensorflow":
        verdict = "a program of its own" if plan.is_compiled else "none"
        lines.append(f"XLA: {verdict}, {plan.compile_reason}")
    return "\n".join(lines)


def _explain_model(model, inputs, call_arguments):
    with call_recorder.recorded() as calls:
        trace(model, inputs, call_arguments)
    if not calls:
        return "no attention of longkeras runs"
    owners = {}
    for owner, signature, plan in calls:
        owners.setdefault((signature, plan), []).append(owner or "a call of an op")
    parts = []
    for (signature, plan), names in owners.items():
        told = _told(signature, plan).replace("\n", "\n  ")
        parts.append(f"{_listed(names)}: {_call(signature)}\n  {told}")
    return "\n".join(parts)


def _listed(names):
    names = list(dict.fromkeys(names))
    if len(names) == 1:
        return names[0]
    return f"{names[0]} to {names[-1]} ({len(names)} layers)"


def _call(signature):
    pattern = signature.pattern
    length = "unknown" if signature.key_length is None else f"{signature.key_length:,}"
    given = {
        "padding": signature.has_padding,
        "global tokens or documents": signature.is_masked,
        "dropout": signature.has_dropout,
    }
    given = [name for name, is_given in given.items() if is_given]
    return (
        f"{length} keys, {min(pattern.left, signature.key_length or pattern.left)} "
        f"before and {min(pattern.right, signature.key_length or pattern.right)} after "
        f"a query, with {' and '.join(given) or 'no mask'}"
    )
