"""Targets of the recurrent case.

Ratios are of medians, timed in turns in one heat. `OURS` is the default: TensorFlow's
graph.
"""

from benchmarks.target_rows import find_point, median_seconds, target_row

OURS, TORCH = "ours_tensorflow", "torch"
OF_KERAS = ("keras_tensorflow", "keras_tensorflow_xla", "keras_jax")
LENGTH, UNITS = 35, 650
_TITLES = {
    TORCH: "PyTorch",
    "keras_tensorflow": "Keras, TensorFlow's graph",
    "keras_tensorflow_xla": "Keras, TensorFlow's XLA",
    "keras_jax": "Keras, JAX",
}
_WORDS = {"forward": "forward", "training": "training step"}


def evaluate(points):
    """Compare the measured points with the targets.

    Args:
        points: list of dicts, the results of the recurrent case.

    Returns:
        list of dicts of str: the `target`, what was `reached`; and `is_met`, a bool,
        or None where there is no target, it was not measured, or the layers or the
        sequences have another size.
    """
    measured = [point for point in points if "skipped" not in point]
    rows = [
        _ratio(measured, "training", OURS, (TORCH,), 1.0),
        _ratio(measured, "training", OURS, OF_KERAS, 1.15),
        _ratio(measured, "forward", OURS, (TORCH, *OF_KERAS), 1.0),
        _ratio(measured, "training", "ours_jax", (TORCH,)),
        _ratio(measured, "training", "ours_jax", OF_KERAS),
        *(_rate(measured, task) for task in _WORDS),
    ]
    if all((p["length"], p["units"]) == (LENGTH, UNITS) for p in measured):
        return rows
    return [{**row, "is_met": None} for row in rows]


def _ratio(measured, task, ours, peers, least=None):
    """The fastest of the peers against longkeras."""
    backend = "JAX" if ours == "ours_jax" else "TensorFlow"
    target = f"{_WORDS[task]}, {backend}: {_name(peers)} ÷ ours" + (
        "" if least is None else f" ≥ {least:g}"
    )
    points = [find_point(measured, contestant=x, task=task) for x in (ours, *peers)]
    if None in points:
        return target_row(target, "not measured")
    own, *others = map(median_seconds, points)
    best = min(others)
    reached = f"{best / own:.2f} ({1e3 * best:.0f} ÷ {1e3 * own:.0f} ms"
    if len(peers) > 1:
        reached += f", {_TITLES[peers[others.index(best)]]}"
    return target_row(
        target, f"{reached})", None if least is None else best >= least * own
    )


def _name(peers):
    if peers == (TORCH,):
        return "torch.nn.LSTM"
    return (
        "the fastest of Keras' own"
        if peers == OF_KERAS
        else "the fastest of all others"
    )


def _rate(measured, task):
    target = f"ours, {_WORDS[task]}, TensorFlow: rate of its matrix products"
    point = find_point(measured, contestant=OURS, task=task)
    if point is None:
        return target_row(target, "not measured")
    rate = point["flops"] / median_seconds(point) / 1e9
    return target_row(target, f"{rate:.0f} GFLOP/s, over the whole time")
