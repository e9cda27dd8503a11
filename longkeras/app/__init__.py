"""The page. The only package that imports gradio; what it shows is computed in
`longkeras.serving`.

Modules:
    command_line: the options of `longkeras` and `python app.py`, and the start of both.
    addresses: the addresses that the page can be served at.
    build: the shell of the page: header, language, tabs, state of the models.
    tabs: a folder for each tab, and `base`, the class of all tabs.
    session: what is kept for a visitor; running, waiting and cancelled work.
    loading: the models, loaded behind the page.
    messages, strings: messages, and the strings of the page in English and 中文.
    catalogue: models and sample texts, with their names.
    components: components that tabs share.
    endpoints, uploads: checks of values and files that clients send.
    first_paint, theme: the head of the page, its colours and fonts.
"""
