"""The page. The only package that knows gradio; everything it shows is computed in
`longkeras.serving`.

The parts:
    command_line: `python app.py --models DIR`, and what it starts.
    addresses: where the page can be served.
    endpoints: checks of the values that endpoints are sent.
    uploads: answers to uploads that are too large.
    build: the shell: header, language, tabs, status of the models.
    tabs: one file a tab; `read` is the first.
    handlers: what an event does, as plain functions that return a view.
    views: the values handlers return; they hold no words in any language.
    rendering: a view in a language, as new values for the page's components.
    figures, components: pieces of HTML, and the canvas with the strips.
    strings: every word of the page, English and 中文, in `strings.json`.
"""
