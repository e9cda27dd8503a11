"""Continuations, a column for each model."""

from html import escape

from longkeras.app.strings import say

PROMPT_TAIL = 80
"""Characters of the prompt shown before each continuation."""


def continuations_html(view, catalogue, language):
    """Return the columns of continuations as HTML.

    Args:
        view: `Continuations`.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        str; empty before any model has begun.
    """
    if not view.texts:
        return ""
    tail = view.prompt[-PROMPT_TAIL:]
    lead = ("…" if len(view.prompt) > len(tail) else "") + tail
    columns = "".join(
        _column(each, lead, catalogue, language) for each in view.texts.values()
    )
    return f'<div class="lk-columns">{columns}</div>'


def _column(continuation, lead, catalogue, language):
    name = continuation.name
    chip = f'<span class="lk-chip lk-model-{catalogue.model_colour(name)}"></span>'
    caret = "" if continuation.stop_reason else '<span class="lk-caret"></span>'
    return (
        f'<article class="lk-card" data-model="{escape(name)}">'
        f"<h3>{chip}{escape(catalogue.model_title(name, language))}</h3>"
        f'<p class="lk-text"><span class="lk-prompt">{escape(lead)}</span>'
        f'<span class="lk-written">{escape(continuation.text)}</span>{caret}</p>'
        f'<p class="lk-hint">{escape(_footnote(continuation, language))}</p></article>'
    )


def _footnote(continuation, language):
    parts = [
        say(
            language,
            "read.continue.footnote",
            written=continuation.bytes_written,
            speed=round(continuation.bytes_per_second),
            prompt=continuation.prompt_bytes,
        )
    ]
    if continuation.prompt_bytes_dropped:
        parts.append(
            say(
                language,
                "read.continue.dropped",
                dropped=continuation.prompt_bytes_dropped,
            )
        )
    if continuation.stop_reason:
        parts.append(say(language, f"read.continue.reason_{continuation.stop_reason}"))
    return "; ".join(parts) if language == "en" else "；".join(parts)
