"""The numbers of a comparison: a row each, a column for each model."""

from html import escape

from longkeras.app.strings import LANGUAGES, say, spell_bytes


def summary_html(comparison, catalogue, language):
    """Return the table of a comparison as HTML.

    Args:
        comparison: `Comparison`.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        str; empty when no model has finished.
    """
    readings = comparison.readings
    if not readings:
        return ""
    best = min(reading.bits_per_byte for reading in readings.values())
    head = "".join(_model_cell(name, catalogue, language) for name in readings)
    rows = []
    for key, spell in _ROWS.items():
        cells = []
        for reading in readings.values():
            is_best = key == "bits_per_byte" and reading.bits_per_byte == best
            mark = ' class="lk-best"' if is_best and len(readings) > 1 else ""
            cells.append(f"<td{mark}>{escape(spell(reading, language))}</td>")
        title = escape(say(language, f"read.summary.{key}"))
        rows.append(f'<tr><th scope="row">{title}</th>{"".join(cells)}</tr>')
    rows.append(_held_out(readings, catalogue, language))
    caption = escape(say(language, "read.summary.caption"))
    return (
        f'<table class="lk-table"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _model_cell(name, catalogue, language):
    chip = f'<span class="lk-chip lk-model-{catalogue.model_colour(name)}"></span>'
    title = escape(catalogue.model_title(name, language))
    return f'<th scope="col">{chip}{title}</th>'


def _held_out(readings, catalogue, language):
    """The row of what the manifest says; none when it says nothing."""
    scores = [catalogue.registry.entry(name).scores for name in readings]
    if not any(isinstance(score.get("en"), float) for score in scores):
        return ""
    cells = []
    for score in scores:
        parts = [
            f"{title} {score[code]:.2f}"
            for code, title in LANGUAGES.items()
            if isinstance(score.get(code), (int, float))
        ]
        cells.append(f"<td>{escape(', '.join(parts)) or '–'}</td>")
    title = escape(say(language, "read.summary.held_out"))
    return f'<tr><th scope="row">{title}</th>{"".join(cells)}</tr>'


def _seconds(reading, language):
    seconds = f"{reading.seconds:.1f}"
    if reading.compile_seconds < 0.05:
        return say(language, "read.summary.seconds_value", seconds=seconds)
    compiling = f"{reading.compile_seconds:.1f}"
    return say(
        language, "read.summary.seconds_prepared", seconds=seconds, compiling=compiling
    )


def _protocol(reading, language):
    protocol = reading.protocol
    if protocol.kind == "strided":
        return say(
            language,
            "read.summary.strided",
            chunk=protocol.context_length,
            stride=protocol.stride,
        )
    if protocol.context_bytes is None:
        return say(language, "read.summary.streaming")
    return say(
        language, "read.summary.streaming_context", context=protocol.context_bytes
    )


_ROWS = {
    "bits_per_byte": lambda reading, _: f"{reading.bits_per_byte:.3f}",
    "seconds": _seconds,
    "bytes_per_second": lambda reading, _: f"{reading.bytes_per_second:,.0f}",
    "parameters": lambda reading, _: f"{reading.parameters:,}",
    "state_bytes": lambda reading, _: spell_bytes(reading.state_bytes),
    "bytes_read": lambda reading, _: f"{reading.bytes_read:,}",
    "bytes_dropped": lambda reading, _: f"{reading.bytes_dropped:,}",
    "protocol": _protocol,
}
