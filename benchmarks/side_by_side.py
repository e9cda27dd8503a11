"""Report section for implementations that were timed in turns."""

from benchmarks.attention_targets import peer_ratio

_VERDICTS = {True: "yes", False: "**no**", None: ""}
_PACKAGES = ("keras", "tensorflow", "jax", "torch", "transformers")
# Groups with one row per length or window instead of one per contestant.
_GROWING = {"growing length": "length", "growing window": "reach"}
_HEADINGS = {"ceilings": "Hardware limits"}
_WORDS = {"length": "length", "reach": "keys per side"}


def section(result, picture_names=()):
    """Section of one result: targets, pictures, a table per group, circumstances.

    Args:
        result: dict, as written by `benchmarks.run`.
        picture_names: names of its pictures in docs/images.

    Returns:
        str, Markdown.
    """
    parts = [f"## {result['title']}", result["description"]]
    if result["targets"]:
        parts.append(_targets(result["targets"]))
    parts += [f"![{_alternative(name)}](images/{name}.svg)" for name in picture_names]
    groups = {}
    for point in result["points"]:
        groups.setdefault(point["group"], []).append(point)
    for group, points in groups.items():
        parts += [
            f"### {_HEADINGS.get(group, group.capitalize())}",
            _group(group, points, result),
        ]
        parts += _not_run(points, result["contestants"])
    parts.append(circumstances(result))
    return "\n\n".join(parts) + "\n"


def circumstances(result):
    """Date, commit, machine and versions of a measurement."""
    hardware, versions = result["hardware"], result["versions"]
    commit = (result["commit"]["hash"] or "unknown")[:12]
    modified = ", with changes" if result["commit"]["is_modified"] else ""
    programs = ", ".join(f"{p} {versions[p]}" for p in _PACKAGES if p in versions)
    place = f"{hardware['processor']}, {hardware['cores']} cores"
    if result["backend"] == "gpu" and hardware["gpu"]:
        place += f", {hardware['gpu']}"
    load = result["load_before"]
    return (
        f"{result['date'][:10]}, commit {commit}{modified}; "
        f"{place}, {hardware['memory_bytes'] / 2**30:.0f} GiB; {programs}; median "
        "(minimum–maximum) of turns; run time "
        f"{result['took_seconds'] / 60:.0f} min"
        + ("" if load is None else f"; load before the run {load:.1f}")
        + "."
    )


def _targets(rows):
    body = [[row["target"], row["reached"], _VERDICTS[row["is_met"]]] for row in rows]
    return _table([["target", "reached", "met"], *body], left=2)


def _group(group, points, result):
    if group in _GROWING:
        return _growing_table(points, _GROWING[group])
    if group == "ceilings":
        return _ceilings(points, result["contestants"])
    return _contestants_table(points, result["contestants"])


def _contestants_table(points, titles):
    """One row per contestant and window, one column per length and task.

    Ratios are relative to the first contestant of the case. The window column is left
    out if no point has a window.
    """
    has_windows = any(point.get("reach") is not None for point in points)
    columns = list(dict.fromkeys(_column(point) for point in points))
    ours = next(iter(titles))
    rows = {}
    for point in points:
        key = (point["contestant"], point.get("reach"))
        rows.setdefault(key, {})[_column(point)] = _cell(
            point, _ratio(point, points, ours)
        )
    body = [
        [
            titles[contestant],
            *(["all" if reach is None else str(reach)] if has_windows else []),
            *(cells.get(column, "") for column in columns),
        ]
        for (contestant, reach), cells in rows.items()
    ]
    window = ["keys per side"] if has_windows else []
    return _table([["implementation", *window, *columns], *body], left=1)


def _growing_table(points, over):
    """One row per length or window, one column per heat."""
    heats = list(dict.fromkeys(point["heat"] for point in points))
    values = sorted({point[over] for point in points})
    cells = {(point[over], point["heat"]): _cell(point) for point in points}
    body = [
        [f"{value:,}", *(cells.get((value, heat), "") for heat in heats)]
        for value in values
    ]
    return _table([[_WORDS[over], *heats], *body])


def _ceilings(points, titles):
    rows = []
    for point in points:
        if "skipped" not in point:
            amount, unit = point["flops"], "GFLOP/s"
            if point["task"] == "copy":
                amount, unit = point["moved_bytes"], "GB/s"
            rate = amount / point["seconds"]["median"] / 1e9
            reached = f"{rate:,.0f} {unit}"
            rows.append(
                [titles[point["contestant"]], point["task"], _cell(point), reached]
            )
    return _table([["library", "task", "time", "rate"], *rows], left=2)


def _column(point):
    words = point["heat"]
    if point.get("num_globals"):
        count = point["num_globals"]
        words += f", {count} global token" + ("s" if count > 1 else "")
    return words


def _ratio(point, points, ours):
    measured = [other for other in points if "skipped" not in other]
    if point["contestant"] == ours or point not in measured:
        return None
    return peer_ratio(measured, point, ours)


def _cell(point, ratio=None):
    if "skipped" in point:
        return "not run"
    seconds = point["seconds"]
    rise = point.get("peak_rss_bytes", point["peak_rise_bytes"])
    words = (
        f"{_milliseconds(seconds['median'])} ms ({_milliseconds(seconds['least'])}–"
        f"{_milliseconds(seconds['greatest'])})"
    )
    words += "" if ratio is None else f", × {ratio:.2f}"
    return words if rise is None else f"{words}, {rise / 2**20:,.0f} MiB"


def _not_run(points, titles):
    """The points that were not run, and the reasons."""
    reasons = {}
    for point in points:
        if "skipped" in point:
            words = f"{titles[point['contestant']]}: {point['skipped']}"
            reasons.setdefault(words, []).append(_column(point))
    if reasons:
        lines = [
            f"- {words} ({'; '.join(dict.fromkeys(columns))})"
            for words, columns in reasons.items()
        ]
        yield "Not run:\n\n" + "\n".join(lines)


def _milliseconds(seconds):
    milliseconds = seconds * 1e3
    digits = 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:,.{digits}f}"


def _alternative(name):
    return f"{name.replace('_', ' ').capitalize()}, logarithmic axes"


def _table(rows, left=0):
    header, *body = rows
    rules = [":--" if i < left else "--:" for i in range(len(header))]
    lines = [header, rules, *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
