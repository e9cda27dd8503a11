"""One place of the text: the characters around it and what each model expected."""

from html import escape

from longkeras.app.strings import say, spell_share
from longkeras.app.tabs.read.figures.heat import heat_class

MATRIX_RADIUS = 10
"""Characters on each side whose bits are written out as numbers."""


def place_html(comparison, catalogue, language):
    """Return the panel about a place as HTML.

    Args:
        comparison: `Comparison` with a place and its inspections.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        str; empty when no place is looked at.
    """
    if comparison.place is None or not comparison.inspections:
        return ""
    inspection = next(iter(comparison.inspections.values()))
    label = inspection.labels[inspection.index - inspection.first]
    heading = say(
        language, "read.place.heading", character=inspection.index + 1, label=label
    )
    last = next(iter(comparison.readings.values())).num_characters - 1
    cards = "".join(
        _card(each, last, catalogue, language)
        for each in comparison.inspections.values()
    )
    before = _step(inspection.index - 1, last, "&lsaquo;", "previous", language)
    after = _step(inspection.index + 1, last, "&rsaquo;", "next", language)
    return (
        '<section class="lk-place"><div class="lk-place-head">'
        f"{before}<h3>{escape(heading)}</h3>{after}</div>"
        f"{_matrix(comparison.inspections, catalogue, language)}"
        f'<p class="lk-hint">{escape(say(language, "read.place.caption"))}</p>'
        f'<div class="lk-columns">{cards}</div></section>'
    )


def inspection_values(inspections):
    """Return what models expected at a place, as values for a program.

    Args:
        inspections: dict of str to `Inspection`. Not empty.

    Returns:
        dict: `index`, `character` and, of each of `models`, its `bits`, `probability`,
        `alternatives` and `context_bytes`.
    """
    first_one = next(iter(inspections.values()))
    at = first_one.index - first_one.first
    return {
        "index": first_one.index,
        "character": first_one.characters[at],
        "models": [
            {
                "model": each.name,
                "bits": round(float(each.character_bits[at]), 3),
                "probability": float(each.actual_probability),
                "alternatives": [
                    {"label": other.label, "probability": float(other.probability)}
                    for other in each.alternatives
                ],
                "context_bytes": int(each.context_bytes),
            }
            for each in inspections.values()
        ],
    }


def _step(index, last, sign, direction, language):
    disabled = "" if 0 <= index <= last else " disabled"
    title = escape(say(language, f"read.place.{direction}"))
    return (
        f'<button type="button" class="lk-step" data-lk-place="{index}"{disabled} '
        f'aria-label="{title}" title="{title}">{sign}</button>'
    )


def _matrix(inspections, catalogue, language):
    first_one = next(iter(inspections.values()))
    at = first_one.index - first_one.first
    shown = range(
        max(0, at - MATRIX_RADIUS), min(len(first_one.labels), at + MATRIX_RADIUS + 1)
    )
    head = "".join(
        f'<th scope="col"{_current(place == at)}><button type="button" '
        f'data-lk-place="{first_one.first + place}">'
        f"{escape(first_one.labels[place])}</button></th>"
        for place in shown
    )
    rows = "".join(
        f'<tr><th scope="row">{_title(each.name, catalogue, language)}</th>'
        + "".join(_number(each, place, place == at) for place in shown)
        + "</tr>"
        for each in inspections.values()
    )
    title = escape(say(language, "read.place.matrix"))
    return (
        f'<div class="lk-scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="lk-matrix" aria-label="{title}"><thead><tr><th scope="row">'
        f"<span>{escape(say(language, 'read.place.character'))}</span></th>"
        f"{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _number(inspection, place, is_current):
    bits = _per_byte(inspection, place)
    return f'<td class="{heat_class(bits)}"{_current(is_current)}>{bits:.1f}</td>'


def _card(inspection, last, catalogue, language):
    at = inspection.index - inspection.first
    actual = say(
        language,
        "read.place.actual",
        label=inspection.labels[at],
        bits=f"{_per_byte(inspection, at):.1f}",
        percent=spell_share(inspection.actual_probability),
    )
    key = "whole" if inspection.is_whole_context else "part"
    context = say(
        language, f"read.place.{key}_context", bytes=int(inspection.context_bytes)
    )
    return (
        f'<article class="lk-card"><h4>{_title(inspection.name, catalogue, language)}'
        f'</h4><p class="lk-text">{_coloured_text(inspection, last)}</p>'
        f"<p>{escape(actual)}</p>"
        f"{_alternatives(inspection, language)}"
        f'<p class="lk-hint">{escape(context)}</p></article>'
    )


def _coloured_text(inspection, last):
    at = inspection.index - inspection.first
    spans = []
    for place, character in enumerate(inspection.characters):
        label = inspection.labels[place]
        shown = "⏎<br>" if character == "\n" else character
        if shown == character:
            shown = escape(
                character if label == character or character == " " else label
            )
        bits = _per_byte(inspection, place)
        spans.append(
            f'<span class="{heat_class(bits)}"'
            f'{_current(place == at)} data-lk-place="{inspection.first + place}" '
            f'title="{escape(label)} {bits:.1f}">{shown}</span>'
        )
    before = "…" if inspection.first > 0 else ""
    end = inspection.first + len(inspection.characters)
    after = "…" if end <= last else ""
    return f"{before}{''.join(spans)}{after}"


def _alternatives(inspection, language):
    items = []
    largest = max([each.probability for each in inspection.alternatives] + [1e-9])
    for each in inspection.alternatives:
        width = max(1, round(100 * each.probability / largest))
        mark = f" ({say(language, 'read.place.in_text')})" if each.is_actual else ""
        items.append(
            f'<li{_current(each.is_actual)}><span class="lk-label">'
            f'{escape(each.label)}</span><span class="lk-odds"><span '
            f'style="width:{width}%"></span></span><span class="lk-percent">'
            f"{spell_share(each.probability)}{escape(mark)}</span></li>"
        )
    return f'<ol class="lk-alternatives">{"".join(items)}</ol>'


def _per_byte(inspection, place):
    size = len(inspection.characters[place].encode("utf-8"))
    return float(inspection.character_bits[place]) / size


def _title(name, catalogue, language):
    chip = f'<span class="lk-chip lk-model-{catalogue.model_colour(name)}"></span>'
    title = escape(catalogue.model_title(name, language))
    return f'{chip}<span class="lk-title">{title}</span>'


def _current(is_current):
    return ' aria-current="true"' if is_current else ""
