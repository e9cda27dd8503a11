"""The line that names the text of the results."""

from html import escape

from longkeras.app.strings import say

BEGINNING = 40
"""Characters of the beginning that are shown."""


def results_of_html(comparison, language):
    """Return the line that names the text of the results, as HTML.

    Args:
        comparison: `Comparison` with readings.
        language: str. `"en"` or `"zh"`.

    Returns:
        str. While a newer text is being read it is a notice, which screen readers
        announce.
    """
    words = comparison.text[: 4 * BEGINNING].split()
    beginning = " ".join(words)
    if len(beginning) > BEGINNING:
        beginning = beginning[:BEGINNING].rstrip() + "…"
    if comparison.is_earlier:
        told = escape(say(language, "read.results.earlier", beginning=beginning))
        return f'<p class="lk-notice lk-earlier" role="status">{told}</p>'
    told = escape(say(language, "read.results.of", beginning=beginning))
    return f'<p class="lk-hint">{told}</p>'
