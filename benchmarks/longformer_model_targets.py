"""Targets of the whole-model case.

A ratio is Hugging Face's median over that of longkeras, timed in turns in one heat.
"""

from benchmarks.target_rows import find_point, median_seconds, target_row

OURS, PEER = "ours_tensorflow", "huggingface"
LENGTH, NUM_LAYERS = 4096, 12
WIDE, NARROW = 256, 32
_STEPS = ("forward", "training")
_WORDS = {"forward": "forward", "training": "training step"}


def evaluate(points):
    """Compare the measured points with the targets.

    Args:
        points: list of dicts, the results of the whole-model case.

    Returns:
        list of dicts of str: the `target`, what was `reached`; and `is_met`, a bool,
        or None where there is no target, it was not measured, or the model or the text
        has another size than the base model's 12 layers at 4,096 tokens.
    """
    measured = [point for point in points if "skipped" not in point]
    rows = [
        *(_ratio(measured, task, WIDE, 2.0) for task in _STEPS),
        *(_ratio(measured, task, NARROW) for task in _STEPS),
        *(_narrow_window(measured, task, 1.3) for task in _STEPS),
        _peak(measured, 8.0),
        *(_memory_share(measured, *asked) for asked in _SHARES),
        _load_seconds(measured, OURS, 6.0),
        _load_seconds(measured, PEER),
        *(_compile_seconds(measured, task, reach) for task, reach in _COMPILED),
    ]
    if all(_is_full_size(point) for point in measured):
        return rows
    return [{**row, "is_met": None} for row in rows]


_SHARES = (("training", 0.6), ("forward", None))
_COMPILED = [(task, reach) for reach in (WIDE, NARROW) for task in _STEPS]


def _is_full_size(point):
    return point["length"] == LENGTH and point["num_layers"] == NUM_LAYERS


def _pair(measured, **keys):
    """Our point and Hugging Face's, or None where one is missing."""
    found = [find_point(measured, contestant=name, **keys) for name in (OURS, PEER)]
    return None if None in found else found


def _ratio(measured, task, reach, least=None):
    target = f"{_WORDS[task]}, {reach} a side: Hugging Face ÷ ours" + (
        "" if least is None else f" ≥ {least:g}"
    )
    pair = _pair(measured, task=task, reach=reach)
    if pair is None:
        return target_row(target, "not measured")
    ours, theirs = map(median_seconds, pair)
    reached = f"{theirs / ours:.2f} ({theirs:.1f} ÷ {ours:.1f} s)"
    return target_row(target, reached, _at_least(theirs / ours, least))


def _narrow_window(measured, task, least):
    target = f"ours, {_WORDS[task]}: {WIDE} a side ÷ {NARROW} a side ≥ {least:g}"
    keys = {"contestant": OURS, "task": task}
    wide, narrow = (find_point(measured, reach=r, **keys) for r in (WIDE, NARROW))
    if wide is None or narrow is None:
        return target_row(target, "not measured")
    ratio = median_seconds(wide) / median_seconds(narrow)
    return target_row(target, f"{ratio:.2f}", ratio >= least)


def _peak(measured, most):
    target = f"ours, peak memory, forward and training step: < {most:g} GiB"
    keys = {"contestant": OURS, "reach": WIDE}
    found = [find_point(measured, task=task, **keys) for task in _STEPS]
    if None in found:
        return target_row(target, "not measured")
    peaks = [_gibibytes(point) for point in found]
    reached = "; ".join(
        f"{peak:.1f} GiB ({_WORDS[task]})"
        for task, peak in zip(_STEPS, peaks, strict=True)
    )
    return target_row(target, reached, max(peaks) < most)


def _memory_share(measured, task, most):
    target = f"peak memory, {_WORDS[task]}, {WIDE} a side: " + (
        "share of Hugging Face's" if most is None else f"≤ {most:.0%} of Hugging Face's"
    )
    pair = _pair(measured, task=task, reach=WIDE)
    if pair is None:
        return target_row(target, "not measured")
    ours, theirs = map(_gibibytes, pair)
    reached = f"{ours / theirs:.0%} ({ours:.1f} of {theirs:.1f} GiB)"
    return target_row(target, reached, None if most is None else ours <= most * theirs)


def _load_seconds(measured, contestant, most=None):
    whose = "ours" if contestant == OURS else "Hugging Face's"
    target = f"{whose}, loading a checkpoint" + (
        "" if most is None else f": < {most:g} s"
    )
    point = find_point(measured, contestant=contestant, task="loading")
    if point is None:
        return target_row(target, "not measured")
    seconds = median_seconds(point)
    return target_row(
        target, f"{seconds:.1f} s", None if most is None else seconds < most
    )


def _compile_seconds(measured, task, reach):
    """Compilation time: the first call minus the later ones."""
    target = f"ours, compiling, {_WORDS[task]}, {reach} a side"
    point = find_point(measured, contestant=OURS, task=task, reach=reach)
    if point is None:
        return target_row(target, "not measured")
    first, others = point["first_seconds"], median_seconds(point)
    reached = f"{first - others:.0f} s (first call {first:.0f} s, then {others:.1f} s)"
    return target_row(target, reached)


def _gibibytes(point):
    return point["peak_rss_bytes"] / 2**30


def _at_least(value, least):
    return None if least is None else value >= least
