"""The shell of the page: header, language, state of the models, tabs."""

from dataclasses import dataclass
from html import escape
from pkgutil import resolve_name

import gradio as gr

from longkeras.app import tabs as listed
from longkeras.app.catalogue import Catalogue
from longkeras.app.components.notice import notice_html
from longkeras.app.endpoints import CheckedBlocks
from longkeras.app.first_paint import page_head
from longkeras.app.loading import ModelLoader
from longkeras.app.session import SECONDS_KEPT, Session, SessionStore
from longkeras.app.strings import DEFAULT_LANGUAGE, LANGUAGES, say
from longkeras.data import samples

SECONDS_BETWEEN_CHECKS = 1.0

# `page.js` defines these in the browser.
_REMEMBER = "(language) => window.longkeras.remember(language)"
_SWITCH_THEME = "() => window.longkeras.switchTheme()"
_SESSION_KEY = "(_, ...others) => [window.longkeras.sessionKey(), ...others]"


@dataclass(frozen=True)
class Page:
    """The page and what works behind it.

    Args:
        blocks: `gradio.Blocks`. To be launched.
        head: str. HTML for the head of the page.
        loader: `ModelLoader`. To be started when the port is bound.
    """

    blocks: gr.Blocks
    head: str
    loader: ModelLoader


def build_page(registry):
    """Return the page over the models of a registry.

    Args:
        registry: `longkeras.serving.ModelRegistry`.

    Returns:
        `Page`. Nothing is loaded yet.
    """
    catalogue = Catalogue(registry, samples())
    loader = ModelLoader(registry)
    tabs = [resolve_name(path)(catalogue) for path in listed.TABS]
    title = say(DEFAULT_LANGUAGE, "page.title")
    store = SessionStore()
    with CheckedBlocks(
        title=title, analytics_enabled=False, delete_cache=(3600, 7200)
    ) as blocks:
        shell = _build_header()
        shell["session"] = gr.State(Session(), time_to_live=SECONDS_KEPT)
        told = notice_html(loader.message(catalogue), DEFAULT_LANGUAGE)
        shell["status"] = gr.HTML(told, apply_default_css=False, elem_id="status")
        shell["timer"] = gr.Timer(SECONDS_BETWEEN_CHECKS)
        with gr.Tabs():
            for tab in tabs:
                with gr.Tab(say(DEFAULT_LANGUAGE, tab.title)) as shell[tab.title]:
                    tab.place(shell["session"], shell["language"])
        shell["footer"] = gr.HTML(
            _footer(DEFAULT_LANGUAGE), apply_default_css=False, elem_id="lk-footer"
        )
        _connect_status(shell, catalogue, loader)
        _connect_language(shell, catalogue, tabs, loader)
        _connect_load(blocks, shell, tabs, loader, store)

    def labels(language):
        values = _labels(shell, tabs, catalogue, loader, language)
        return values | {shell["language"]: {"value": language}}

    return Page(blocks, page_head(labels), loader)


def _build_header():
    with gr.Row(elem_id="lk-header"):
        heading = gr.HTML(
            _heading(DEFAULT_LANGUAGE), apply_default_css=False, min_width=260
        )
        with gr.Row(elem_id="lk-controls"):
            language = gr.Radio(
                [(title, code) for code, title in LANGUAGES.items()],
                value=DEFAULT_LANGUAGE,
                label=say(DEFAULT_LANGUAGE, "page.language"),
                show_label=False,
                container=False,
                elem_id="language",
                min_width=150,
            )
            theme = gr.Button("◐", elem_id="theme", size="sm")
    theme.click(None, None, None, js=_SWITCH_THEME, api_visibility="private")
    return {"heading": heading, "language": language, "theme": theme}


def _connect_status(shell, catalogue, loader):
    def status(language):
        """Say how far the loading of the models is."""
        return loader.message(catalogue).text(language)

    def on_tick(language):
        message = notice_html(loader.message(catalogue), language)
        return message, gr.Timer(active=not loader.is_finished)

    gr.on(
        [],
        status,
        shell["language"],
        gr.Textbox(visible=False, label="message"),
        api_name="status",
        queue=False,
    )
    shell["timer"].tick(
        on_tick,
        shell["language"],
        [shell["status"], shell["timer"]],
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )


def _connect_language(shell, catalogue, tabs, loader):
    def on_language(session, language):
        session.language = language
        labels = _labels(shell, tabs, catalogue, loader, language)
        values = {part: gr.update(**options) for part, options in labels.items()}
        for tab in tabs:
            for part, told in tab.retold(session).items():
                values[part] = values[part] | told if part in values else told
        return values

    outputs = [shell["heading"], shell["footer"], shell["status"], shell["session"]]
    for tab in tabs:
        outputs += [shell[tab.title], *tab.parts.values()]
    shell["language"].change(
        on_language,
        [shell["session"], shell["language"]],
        outputs,
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )
    shell["language"].change(
        None, shell["language"], None, js=_REMEMBER, api_visibility="private"
    )


def _connect_load(blocks, shell, tabs, loader, store):
    """Bring back what an earlier load of the page has left."""

    def on_load(key, session, language):
        loader.hurry()
        opened, session = session, store.restore(key, session)
        session.language = language
        values = {shell["session"]: session}
        for tab in tabs:
            if session is not opened:
                tab.interrupt(session)
            values |= tab.retold(session)
        return values

    key = gr.Textbox(visible=False)
    parts = [part for tab in tabs for part in tab.parts.values()]
    blocks.load(
        on_load,
        [key, shell["session"], shell["language"]],
        [shell["session"], *parts],
        js=_SESSION_KEY,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _labels(shell, tabs, catalogue, loader, language):
    """Return the arguments that depend on the language, by component."""
    labels = {
        shell["heading"]: {"value": _heading(language)},
        shell["footer"]: {"value": _footer(language)},
        shell["status"]: {"value": notice_html(loader.message(catalogue), language)},
    }
    for tab in tabs:
        labels[shell[tab.title]] = {"label": say(language, tab.title)}
        labels |= {tab.parts[n]: each for n, each in tab.labels(language).items()}
    return labels


def _heading(language):
    tagline = escape(say(language, "page.tagline"))
    return f"<h1>longkeras</h1><p>{tagline}</p>"


def _footer(language):
    words = escape(say(language, "page.footer"))
    link = escape(say(language, "page.api"))
    # Gradio's own link to that page is hidden: it speaks the browser's language.
    click = "document.querySelector('button.show-api')?.click(); return false"
    return f'{words} <a href="?view=api" onclick="{click}">{link}</a>'
