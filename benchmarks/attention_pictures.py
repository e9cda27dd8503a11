"""Time and memory of the attention case against length and against window."""

from benchmarks.attention_targets import OURS
from tools.log_log_picture import Panel, Series, picture

_WIDE, _NARROW = 256, 32
_LENGTH = 4096
_MEASURES = {
    "time, ms": lambda point: point["seconds"]["median"] * 1e3,
    "peak memory, MiB": lambda point: (point["peak_rise_bytes"] or 0) / 2**20,
}


def pictures(result):
    """The pictures of one result.

    Args:
        result: dict, what `benchmarks.run` wrote for the attention case.

    Returns:
        dict of SVG text by name of the picture.
    """
    points = [point for point in result["points"] if "skipped" not in point]
    titles = result["contestants"]
    panels = {
        "length": list(_panels(points, titles, "length", _length_series)),
        "window": list(_panels(points, titles, "keys a side", _window_series)),
    }
    return {
        f"attention_{name}": picture(found, list(titles.values()))
        for name, found in panels.items()
        if any(series.pairs for panel in found for series in panel.series)
    }


def _panels(points, titles, x_label, make_series):
    about = f", {_WIDE} keys a side; dashed: {_NARROW}"
    if x_label != "length":
        about = f", {_LENGTH:,} tokens"
    for task in ("forward", "training"):
        of_task = [point for point in points if point["task"] == task]
        for y_label, measure in _MEASURES.items():
            series = tuple(make_series(of_task, titles, measure))
            yield Panel(f"{task}{about}", x_label, y_label, series)


def _length_series(points, titles, measure):
    for contestant, title in titles.items():
        for reach in (_WIDE, _NARROW):
            if reach == _NARROW and contestant not in (OURS, "huggingface"):
                continue
            pairs = _pairs(points, contestant, reach, "growing length", measure)
            if not pairs:  # only ours goes on, and not with every window
                pairs = _pairs(points, contestant, reach, None, measure)
            if pairs:
                yield Series(title, pairs, is_dashed=reach == _NARROW)


def _pairs(points, contestant, reach, group, measure):
    return tuple(
        (point["length"], measure(point))
        for point in _of(points, contestant)
        if point["group"] == (group or point["task"])
        and point["reach"] in (reach, None)
        and measure(point) > 0
    )


def _window_series(points, titles, measure):
    for contestant, title in titles.items():
        group = "growing window" if contestant == OURS else None
        pairs = tuple(
            (point["reach"], measure(point))
            for point in _of(points, contestant)
            if point["group"] == (group or point["task"])
            and point["length"] == _LENGTH
            and point["reach"] is not None
            and measure(point) > 0
        )
        if pairs:
            yield Series(title, pairs)


def _of(points, contestant):
    return [point for point in points if point["contestant"] == contestant]
