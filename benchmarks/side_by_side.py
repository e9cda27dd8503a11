"""The report's section on contestants that were timed in turns."""

from benchmarks.attention_targets import peer_ratio

_VERDICTS = {True: "yes", False: "**no**", None: ""}
_PACKAGES = ("keras", "tensorflow", "jax", "torch", "transformers")
# Groups whose rows are what grows, and not the contestants.
_GROWING = {"growing length": "length", "growing window": "reach"}
_WORDS = {"length": "length", "reach": "keys a side"}


def section(result, picture_names=()):
    """One result: targets, a table a group, pictures, and the circumstances.

    Args:
        result: dict, what `benchmarks.run` wrote.
        picture_names: names of the pictures in docs/images that belong to it.

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
        parts += [f"### {group.capitalize()}", _group(group, points, result)]
        parts += _not_run(points, result["contestants"])
    parts.append(circumstances(result))
    return "\n\n".join(parts) + "\n"


def circumstances(result):
    """When, where and with what it was measured, in a sentence."""
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
        f"{place}, {hardware['memory_bytes'] / 2**30:.0f} GiB; {programs}; medians of "
        f"turns in {result['took_seconds'] / 60:.0f} minutes, least and greatest in "
        "brackets" + ("" if load is None else f"; load before {load:.1f}") + "."
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
    """A row a contestant and window, a column a length and task.

    Ratios are to the contestant that the case names first. Where nothing has a window
    there is no column of it.
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
    window = ["keys a side"] if has_windows else []
    return _table([["contestant", *window, *columns], *body], left=1)


def _growing_table(points, over):
    """A row for each value of what grows, a column a heat."""
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
        words += f", {point['num_globals']} global tokens"
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
    """A line a contestant on what was not run, and why."""
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
    return f"{name.replace('_', ' ')}: time and memory, logarithmic axes"


def _table(rows, left=0):
    header, *body = rows
    rules = [":--" if i < left else "--:" for i in range(len(header))]
    lines = [header, rules, *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
