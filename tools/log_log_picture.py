"""Line charts with a logarithmic axis, as SVG text without a plotting library."""

import dataclasses
import itertools
import math
from html import escape

_PANEL_WIDTH, _PANEL_HEIGHT = 430, 270
_LEFT, _TOP, _RIGHT, _BOTTOM = 62, 34, 12, 44
_LEGEND_ROW, _LEGEND_COLUMNS = 20, 3
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}"
    ".title{font-weight:600;font-size:13px}"
    ".grid{stroke:#ddd}.frame{fill:none;stroke:#888}"
    ".line{fill:none;stroke-width:2}"
)
_COLOURS = (
    "#0b62d6",
    "#0a9396",
    "#7b2cbf",
    "#d1495b",
    "#e07a1f",
    "#6b705c",
    "#b5179e",
    "#8d6b34",
    "#111111",
    "#386641",
    "#577590",
    "#bc6c25",
)


@dataclasses.dataclass(frozen=True)
class Series:
    """A line of a panel.

    Args:
        name: str, for the legend; one name has one colour in all panels.
        pairs: tuple of `(x, y)`, positive.
        is_dashed: bool. Defaults to `False`.
        errors: tuple of `(low, high)`, an interval around each point. Defaults to
            none.
    """

    name: str
    pairs: tuple[tuple[float, float], ...]
    is_dashed: bool = False
    errors: tuple[tuple[float, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Panel:
    """Axes and the lines on them.

    Args:
        title: str.
        x_label: str.
        y_label: str.
        series: tuple of `Series`.
        has_even_y: bool. Whether the upright axis is a plain one. Defaults to `False`.
        limits: tuple of `(name, x)`: upright dashed lines in the colour of a series.
            Defaults to none.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    has_even_y: bool = False
    limits: tuple[tuple[str, float], ...] = ()


def picture(panels, names, columns=2):
    """The panels beside and below each other, one legend under all of them.

    Args:
        panels: list of `Panel`; those without a point are left out.
        names: list of str, all that a series may be called: each has its colour.
        columns: int. Defaults to `2`.

    Returns:
        str, an SVG document.
    """
    panels = [panel for panel in panels if any(s.pairs for s in panel.series)]
    shown = {series.name for panel in panels for series in panel.series}
    colours = dict(zip(names, itertools.cycle(_COLOURS), strict=False))
    colours = {name: colours[name] for name in names if name in shown}
    rows = math.ceil(len(panels) / columns)
    width = columns * _PANEL_WIDTH
    legend_rows = math.ceil(len(colours) / _LEGEND_COLUMNS)
    height = rows * _PANEL_HEIGHT + legend_rows * _LEGEND_ROW + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        x, y = column * _PANEL_WIDTH, row * _PANEL_HEIGHT
        parts += [f'<g transform="translate({x},{y})">', *_panel(panel, colours)]
        parts.append("</g>")
    parts += _legend(colours, rows * _PANEL_HEIGHT + 8, width)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel, colours):
    pairs = [pair for series in panel.series for pair in series.pairs]
    widths = [x for x, _ in pairs] + [x for _, x in panel.limits]
    x_ticks = _powers_of_two(min(widths), max(widths))
    heights = [y for _, y in pairs]
    heights += [
        end for series in panel.series for ends in series.errors for end in ends
    ]
    find_ticks = _even_ticks if panel.has_even_y else _powers_of_ten
    y_ticks = find_ticks(min(heights), max(heights))
    right, bottom = _PANEL_WIDTH - _RIGHT, _PANEL_HEIGHT - _BOTTOM
    across = _scale(x_ticks, _LEFT, right)
    up = _scale(y_ticks, bottom, _TOP, panel.has_even_y)
    yield f'<text class="title" x="{_LEFT}" y="20">{escape(panel.title)}</text>'
    for tick in x_ticks:
        x = across(tick)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
        yield _text(x, bottom + 16, _short(tick), "middle")
    for tick in y_ticks:
        y = up(tick)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
        yield _text(_LEFT - 6, y + 4, f"{tick:,g}", "end")
    yield (
        f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" '
        f'height="{bottom - _TOP}"/>'
    )
    yield _text((_LEFT + right) / 2, bottom + 34, panel.x_label, "middle")
    middle = (_TOP + bottom) / 2
    yield (
        f'<text transform="translate(14,{middle}) rotate(-90)" '
        f'text-anchor="middle">{escape(panel.y_label)}</text>'
    )
    for name, limit in panel.limits:
        x = across(limit)
        yield (
            f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" '
            f'stroke="{colours[name]}" stroke-dasharray="2 4"/>'
        )
    for series in panel.series:
        points = [(across(x), up(y)) for x, y in sorted(series.pairs)]
        yield from _line(points, colours[series.name], series.is_dashed)
        ends = [(up(low), up(high)) for low, high in series.errors]
        for (x, _), (low, high) in zip(points, ends, strict=False):
            yield (
                f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" '
                f'stroke="{colours[series.name]}"/>'
            )


def _line(points, colour, is_dashed):
    path = " ".join(f"{x},{y}" for x, y in points)
    dashes = ' stroke-dasharray="6 4"' if is_dashed else ""
    yield f'<polyline class="line" stroke="{colour}"{dashes} points="{path}"/>'
    for x, y in points:
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'


def _legend(colours, top, width):
    for index, (name, colour) in enumerate(colours.items()):
        row, column = divmod(index, _LEGEND_COLUMNS)
        x = 24 + column * (width - 24) // _LEGEND_COLUMNS
        y = top + row * _LEGEND_ROW
        yield f'<rect x="{x}" y="{y}" width="22" height="4" fill="{colour}"/>'
        yield _text(x + 28, y + 7, name, "start")


def _text(x, y, words, anchor):
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _scale(ticks, first, last, is_even=False):
    """Value to pixel, between the outermost ticks: its logarithm, or itself."""
    measure = float if is_even else math.log
    low, high = measure(ticks[0]), measure(ticks[-1])

    def pixel(value):
        share = (measure(value) - low) / (high - low)
        return round(first + share * (last - first), 1)

    return pixel


def _powers_of_two(least, greatest):
    first = math.floor(math.log2(least))
    last = max(math.ceil(math.log2(greatest)), first + 1)
    return [2**power for power in range(first, last + 1)]


def _powers_of_ten(least, greatest):
    first = math.floor(math.log10(least))
    last = max(math.ceil(math.log10(greatest)), first + 1)
    return [10.0**power for power in range(first, last + 1)]


def _even_ticks(least, greatest):
    """Five to nine round numbers around these values."""
    rough = max(greatest - least, 1e-6) / 6
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * share for share in (1, 2, 5, 10) if unit * share >= rough)
    first, last = math.floor(least / step), math.ceil(greatest / step)
    return [
        round(number * step, 9) for number in range(first, max(last, first + 1) + 1)
    ]


def _short(number):
    return f"{number // 1024}k" if number >= 1024 else f"{number}"
