"""Figures of the *Find a key* tab, as HTML."""

import re
from html import escape

from longkeras.app.strings import say, spell_share

_AROUND = 90
_DIGITS_SHOWN = 3


def key_numbers(found):
    """Return an answer as values for a program.

    Args:
        found: `FoundKey` or None.

    Returns:
        dict; empty for None.
    """
    if found is None:
        return {}
    return {
        "key": found.example.answer,
        "read": found.digits,
        "is_right": found.is_right,
        "bytes": found.example.length,
        "distance": found.example.distance,
        "seconds": round(found.seconds, 3),
        "probabilities": found.probabilities.round(4).tolist(),
    }


def key_html(found, language):
    """Return an answer as HTML: a map of the numbers, the words, digit by digit.

    Args:
        found: `FoundKey` or None.
        language: str. `"en"` or `"zh"`.

    Returns:
        str; empty for None.
    """
    if found is None:
        return ""
    example = found.example
    facts = say(
        language,
        "key.facts",
        bytes=example.length,
        seconds=f"{found.seconds:.2f}",
        parameters=found.parameters,
        distance=example.distance,
    )
    parts = (
        _map(example, language),
        _part("key.quote", _quote(example), language),
        _part("key.question", f"<q>{escape(example.question.strip())}</q>", language),
        _part("key.digits", _digits(found), language),
        f'<p class="lk-hint">{escape(facts)}</p>',
    )
    return f'<section class="lk-key">{"".join(parts)}</section>'


def _part(key, html, language):
    return f"<h2>{escape(say(language, key))}</h2>{html}"


def _map(example, language):
    """The text as a line, with the key, the other numbers and the question."""
    total = len(example.context) + len(example.question)
    places = [
        (match.start() / total, match[0] == example.answer)
        for match in re.finditer(rf"\b\d{{{len(example.answer)}}}\b", example.context)
    ]
    # Every number occurs twice, in one statement.
    count = sum(not is_key for _, is_key in places) // 2
    marks = "".join(
        f'<i class="lk-key-{"key" if is_key else "other"}" style="left:{100 * x:.2f}%">'
        "</i>"
        for x, is_key in places
    )
    asked = 100 * len(example.context) / total
    marks += f'<i class="lk-key-asked" style="left:{asked:.2f}%"></i>'
    names = (
        ("key", say(language, "key.legend_key")),
        ("other", say(language, "key.legend_other", count=count)),
        ("asked", say(language, "key.legend_question")),
    )
    legend = "".join(
        f'<span><i class="lk-key-{kind}"></i>{escape(name)}</span>'
        for kind, name in names
    )
    title = escape(say(language, "key.map"))
    return (
        f'<div class="lk-key-map" role="img" aria-label="{title}">{marks}</div>'
        f'<p class="lk-key-legend">{legend}</p>'
    )


def _quote(example):
    start, end = example.answer_start, example.answer_start + len(example.answer)
    before = example.context[max(0, start - _AROUND) : start]
    after = example.context[end : end + _AROUND]
    key = f"<mark>{escape(example.answer)}</mark>"
    return f"<blockquote>…{escape(before)}{key}{escape(after)}…</blockquote>"


def _digits(found):
    cards = []
    for asked, shares in zip(found.example.answer, found.probabilities, strict=True):
        rows = "".join(
            f'<div class="lk-key-digit{_right(digit, asked)}"><b>{digit}</b>'
            f'<span class="lk-bar"><span style="width:{100 * shares[digit]:.1f}%">'
            f"</span></span><small>{spell_share(shares[digit])}</small></div>"
            for digit in shares.argsort()[::-1][:_DIGITS_SHOWN]
        )
        cards.append(f"<div>{rows}</div>")
    return f'<div class="lk-key-digits">{"".join(cards)}</div>'


def _right(digit, asked):
    return " lk-key-right" if str(digit) == asked else ""
