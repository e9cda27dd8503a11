"""The script that brings the page into the visitor's language before it is drawn."""

import json
from importlib import resources

from longkeras.app.strings import DEFAULT_LANGUAGE, LANGUAGES, all_strings

_HEAD = """<style>
html { overflow-y: scroll; }
html.lk-waiting gradio-app { visibility: hidden; }
html.lk-waiting body::before { content: "longkeras"; position: fixed; inset: 0;
  display: grid; place-items: center; font: 600 26px ui-serif, Georgia, serif; }
</style>
<script>(() => {
const words = %s;
%s})();</script>"""


def page_head(labels):
    """Return what the page needs in its HTML head.

    Args:
        labels: callable. Takes a language and returns a dict of components to a dict
            of their arguments in that language.

    Returns:
        str. HTML: a style and a script.
    """
    others = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
    strings = all_strings()
    words = {
        "title": strings["page.title"],
        "theme": strings["page.theme"],
        "components": {
            language: {
                component._id: options
                for component, options in labels(language).items()
            }
            for language in others
        },
    }
    # A closing tag inside a string would end the script.
    data = json.dumps(words, ensure_ascii=False).replace("</", "<\\/")
    file = resources.files("longkeras.app").joinpath("page.js")
    return _HEAD % (data, file.read_text(encoding="utf-8"))
