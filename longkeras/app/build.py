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
from longkeras.app.strings import DEFAULT_LANGUAGE, LANGUAGES, say
from longkeras.data import samples

SECONDS_BETWEEN_CHECKS = 1.0

# `page.js` defines these in the browser.
_REMEMBER = "(language) => window.longkeras.remember(language)"
_SWITCH_THEME = "() => window.longkeras.switchTheme()"


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
    with CheckedBlocks(
        title=title, analytics_enabled=False, delete_cache=(3600, 7200)
    ) as blocks:
        shell = _build_header()
        told = notice_html(loader.message(catalogue), DEFAULT_LANGUAGE)
        shell["status"] = gr.HTML(told, apply_default_css=False, elem_id="status")
        shell["timer"] = gr.Timer(SECONDS_BETWEEN_CHECKS)
        with gr.Tabs():
            for tab in tabs:
                with gr.Tab(say(DEFAULT_LANGUAGE, tab.title)) as shell[tab.title]:
                    tab.build(shell["language"])
        shell["footer"] = gr.HTML(
            _footer(DEFAULT_LANGUAGE), apply_default_css=False, elem_id="lk-footer"
        )
        _connect_status(shell, catalogue, loader)
        _connect_language(shell, catalogue, tabs, loader)
        blocks.load(
            loader.hurry, queue=False, show_progress="hidden", api_visibility="private"
        )

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
    def on_tick(language):
        """Return how far the loading of the models is, as HTML."""
        message = notice_html(loader.message(catalogue), language)
        return message, gr.Timer(active=not loader.is_finished)

    shell["timer"].tick(
        on_tick,
        shell["language"],
        [shell["status"], shell["timer"]],
        api_name="status",
        show_progress="hidden",
        queue=False,
    )


def _connect_language(shell, catalogue, tabs, loader):
    states = [tab.parts[name] for tab in tabs for name in tab.states]

    def on_language(language, *held):
        """Bring the whole page, results included, into a language."""
        labels = _labels(shell, tabs, catalogue, loader, language)
        values = {part: gr.update(**options) for part, options in labels.items()}
        rest = list(held)
        for tab in tabs:
            mine, rest = rest[: len(tab.states)], rest[len(tab.states) :]
            for name, told in tab.retold(mine, language).items():
                part = tab.parts[name]
                values[part] = values[part] | told if part in values else told
        return values

    outputs = [shell["heading"], shell["footer"], shell["status"]]
    for tab in tabs:
        outputs += [shell[tab.title], *tab.parts.values()]
    shell["language"].change(
        on_language,
        [shell["language"], *states],
        outputs,
        api_name="language",
        show_progress="hidden",
        queue=False,
    )
    shell["language"].change(
        None, shell["language"], None, js=_REMEMBER, api_visibility="private"
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
