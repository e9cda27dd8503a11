"""Targets of the attention case.

A ratio is the peer's median time over that of longkeras, timed in turns in one heat.
"""

import math

from benchmarks.target_rows import find_point, median_seconds, target_row

OURS = "ours_tensorflow"
_LENGTH = 4096
_SHORT = (32, 1024)
# peer, task, length, keys per side, global tokens, least ratio
_LEAST_RATIOS = (
    ("huggingface", "forward", _LENGTH, 256, 0, 4.5),
    ("huggingface", "forward", _LENGTH, 256, 1, 4.5),
    ("huggingface", "forward", _LENGTH, 32, 0, 1.5),
    ("huggingface", "forward", _LENGTH, 32, 1, 1.5),
    ("huggingface", "forward", 16384, 256, 0, 4.5),
    ("huggingface", "training", _LENGTH, 256, 0, 4.5),
    ("huggingface", "training", _LENGTH, 256, 1, 4.5),
    ("huggingface", "training", _LENGTH, 32, 0, 2.2),
    ("huggingface", "training", _LENGTH, 32, 1, 2.2),
    ("sdpa", "forward", _LENGTH, 256, 0, 3.0),
    ("flex", "forward", _LENGTH, 256, 0, 1.7),
    ("window_tensorflow", "forward", _LENGTH, 32, 0, 10.0),
    ("window_tensorflow", "forward", _LENGTH, 256, 0, 10.0),
)
_BACKENDS = {
    "ours_tensorflow": "TensorFlow",
    "ours_jax": "JAX",
    "ours_torch": "PyTorch",
}
_WORDS = {
    "huggingface": "Hugging Face Longformer",
    "sdpa": "PyTorch SDPA, full",
    "flex": "PyTorch FlexAttention",
    "window_tensorflow": "Keras sliding_window",
}


def evaluate(points):
    """Compare the measured points with the targets.

    Args:
        points: list of dicts, the results of the attention case.

    Returns:
        list of dicts of str: the `target`, what was `reached`; and `is_met`, a bool,
        or None where there is no target or it was not measured.
    """
    measured = [point for point in points if "skipped" not in point]
    return [
        *(_least_ratio(measured, *target) for target in _LEAST_RATIOS),
        *(_on_other_backends(measured, task) for task in ("forward", "training")),
        _memory_share(measured, "forward", 0.12),
        _memory_share(measured, "training", 0.30),
        _short_text(measured),
        _slope(measured, "growing length", "length", 1.05),
        _slope(measured, "growing window", "reach", 1.0),
        *(_more_globals(measured, task, 1.4) for task in ("forward", "training")),
        *_product_shares(measured),
    ]


def evaluate_on_gpu(points):
    """Rows without targets: shares of the rate of a large matrix product."""
    measured = [point for point in points if "skipped" not in point]
    return list(_product_shares(measured))


def log_log_slope(pairs):
    """Least-squares slope of log y over log x: the power with which y grows.

    Args:
        pairs: list of `(x, y)`, positive.

    Returns:
        float, or None for fewer than two pairs.
    """
    logs = [(math.log(x), math.log(y)) for x, y in pairs]
    if len(logs) < 2:
        return None
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread


def peer_ratio(measured, peer, contestant=OURS):
    """Median of a peer's point over that of longkeras in its heat, or None.

    longkeras has the same keys per side; against full attention, the widest window.
    """
    ours = [
        point
        for point in measured
        if point["contestant"] == contestant
        and all(
            point.get(name) == peer.get(name)
            for name in ("group", "heat", "task", "length", "num_globals")
        )
    ]
    if peer["reach"] is not None:
        ours = [point for point in ours if point["reach"] == peer["reach"]]
    if not ours:
        return None
    widest = max(ours, key=lambda point: point["reach"] or 0)
    return median_seconds(peer) / median_seconds(widest)


def _least_ratio(measured, peer, task, length, reach, num_globals, least):
    group = "global tokens" if num_globals else task
    about = f"{task}, {length:,} tokens, {reach} a side"
    about += f", {num_globals} global" if num_globals else ""
    target = f"{about}: {_WORDS[peer]} ÷ ours ≥ {least:g}"
    keys = {
        "group": group,
        "task": task,
        "length": length,
        "num_globals": num_globals,
    }
    found = find_point(measured, contestant=peer, reach=None, **keys)
    found = found or find_point(measured, contestant=peer, reach=reach, **keys)
    ours = find_point(measured, contestant=OURS, reach=reach, **keys)
    if found is None or ours is None:
        return target_row(target, "not measured")
    ratio = median_seconds(found) / median_seconds(ours)
    return target_row(target, f"{ratio:.2f}", ratio >= least)


def _on_other_backends(measured, task):
    """Ratios of longkeras on JAX and PyTorch."""
    ratios = []
    for peer in measured:
        is_asked = peer["group"] == task and peer["length"] == _LENGTH
        if is_asked and peer["contestant"] == "huggingface":
            for contestant in ("ours_jax", "ours_torch"):
                ratio = peer_ratio(measured, peer, contestant)
                library = _BACKENDS[contestant]
                if ratio is not None:
                    ratios.append(f"{ratio:.2f} ({library}, {peer['reach']} a side)")
    target = (
        f"{task}, {_LENGTH:,} tokens: {_WORDS['huggingface']} ÷ ours on other backends"
    )
    return target_row(target, "; ".join(ratios) or "not measured")


def _memory_share(measured, task, most):
    target = (
        f"peak memory, {task}, {_LENGTH:,} tokens, 256 a side: "
        f"≤ {most:.0%} of Hugging Face Longformer"
    )
    keys = {"group": task, "length": _LENGTH, "reach": 256}
    peer = find_point(measured, contestant="huggingface", **keys)
    ours = find_point(measured, contestant=OURS, **keys)
    if peer is None or ours is None or not peer["peak_rise_bytes"]:
        return target_row(target, "not measured")
    share = ours["peak_rise_bytes"] / peer["peak_rise_bytes"]
    megabytes = [x["peak_rise_bytes"] / 2**20 for x in (ours, peer)]
    reached = f"{share:.1%} ({megabytes[0]:.0f} of {megabytes[1]:.0f} MiB)"
    return target_row(target, reached, share <= most)


def _short_text(measured):
    first, last = _SHORT
    target = f"any window, {first} … {last:,} tokens: full attention ÷ ours ≥ 0.95"
    ratios = []
    for ours in measured:
        is_asked = ours["group"] == "short text" and first <= ours["length"] <= last
        full = find_point(measured, heat=ours["heat"], contestant="full_tensorflow")
        if is_asked and ours["contestant"] == OURS and full is not None:
            about = f"{ours['length']:,} tokens, {ours['reach']} a side"
            ratios.append((median_seconds(full) / median_seconds(ours), about))
    if not ratios:
        return target_row(target, "not measured")
    ratio, about = min(ratios)
    return target_row(target, f"{ratio:.2f} or more (least: {about})", ratio >= 0.95)


def _slope(measured, group, over, most):
    target = f"{group}: log-log slope of time ≤ {most:g}"
    heats = {}
    for point in measured:
        if point["group"] == group:
            heats.setdefault(point["heat"], []).append(
                (point[over], median_seconds(point))
            )
    slopes = {heat: log_log_slope(pairs) for heat, pairs in heats.items()}
    slopes = {heat: slope for heat, slope in slopes.items() if slope is not None}
    if not slopes:
        return target_row(target, "not measured")
    reached = "; ".join(f"{slope:.2f} ({heat})" for heat, slope in slopes.items())
    return target_row(target, reached, max(slopes.values()) <= most)


def _more_globals(measured, task, most):
    target = f"{task}, {_LENGTH:,} tokens: 64 global tokens ≤ {most:g} × the time of 1"
    shares = {}
    for many in measured:
        if many["contestant"] == OURS and many["num_globals"] == 64:
            keys = {name: many[name] for name in ("heat", "reach", "task", "length")}
            one = find_point(measured, contestant=OURS, num_globals=1, **keys)
            if one is not None and many["task"] == task:
                shares[many["reach"]] = median_seconds(many) / median_seconds(one)
    if not shares:
        return target_row(target, "not measured")
    reached = "; ".join(
        f"{share:.2f} ({reach} a side)" for reach, share in shares.items()
    )
    return target_row(target, reached, max(shares.values()) <= most)


def _product_shares(measured):
    """Share of its backend's rate for a large matrix product that longkeras attains."""
    for product in measured:
        library = product["contestant"]
        if product["task"] != "matmul" or not library.startswith("ours"):
            continue
        ceiling = product["flops"] / median_seconds(product)
        shares = [
            f"{point['flops'] / median_seconds(point) / ceiling:.0%} "
            f"({point['heat']}, {point['reach']} a side)"
            for point in measured
            if point["contestant"] == library
            and point["group"] in ("forward", "training")
            and point["length"] == _LENGTH
        ]
        if shares:
            about = f"ours, {_BACKENDS.get(library, library)}: share of the"
            yield target_row(
                f"{about} {ceiling / 1e9:,.0f} GFLOP/s of a large matrix product",
                "; ".join(shares),
            )
