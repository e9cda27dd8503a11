"""The shell of the page: header, language, state of the models, tabs."""

import json
from dataclasses import dataclass
from html import escape

import gradio as gr

from longkeras.app.catalogue import Catalogue
from longkeras.app.endpoints import CheckedBlocks
from longkeras.app.figures.notice import notice_html
from longkeras.app.loading import ModelLoader
from longkeras.app.strings import DEFAULT_LANGUAGE, LANGUAGES, all_strings, say
from longkeras.app.tabs import TABS
from longkeras.data import samples

SECONDS_BETWEEN_CHECKS = 1.0

# What the browser keeps: the language and the light. It also says which language the
# page is in, for screen readers and for the choice of Chinese or Japanese glyphs.
_DRESS = """const dress = (language) => {
  const words = %s;
  const theme = document.querySelector('#theme');
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  document.title = words['page.title'][language];
  theme?.setAttribute('aria-label', words['page.theme'][language]);
  theme?.setAttribute('title', words['page.theme'][language]);
};"""
_RECALL = """() => {
  %s
  const theme = localStorage.getItem('longkeras-theme');
  if (theme) document.body.classList.toggle('dark', theme === 'dark');
  const ours = navigator.language.startsWith('zh') ? 'zh' : 'en';
  const language = localStorage.getItem('longkeras-language') ?? ours;
  dress(language);
  return language;
}"""
_REMEMBER = """(language) => {
  %s
  localStorage.setItem('longkeras-language', language);
  dress(language);
}"""
_SWITCH_THEME = """() => {
  const isDark = document.body.classList.toggle('dark');
  localStorage.setItem('longkeras-theme', isDark ? 'dark' : 'light');
}"""


@dataclass(frozen=True)
class Page:
    """The page and what works behind it.

    Args:
        blocks: `gradio.Blocks`. To be launched.
        loader: `ModelLoader`. To be started when the port is bound.
    """

    blocks: gr.Blocks
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
    tabs = [tab(catalogue) for tab in TABS]
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
                with gr.Tab(say(DEFAULT_LANGUAGE, tab.key)) as shell[tab.key]:
                    tab.build(shell["language"])
        shell["footer"] = gr.HTML(
            _footer(DEFAULT_LANGUAGE), apply_default_css=False, elem_id="lk-footer"
        )
        _connect_status(shell, catalogue, loader)
        _connect_language(shell, catalogue, tabs, loader)
        recalled = blocks.load(
            None,
            None,
            shell["language"],
            js=_RECALL % _dress(),
            api_visibility="private",
        )
        recalled.then(loader.hurry, queue=False, api_visibility="private")
    return Page(blocks, loader)


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
        values = {
            shell["heading"]: _heading(language),
            shell["footer"]: _footer(language),
            shell["status"]: notice_html(loader.message(catalogue), language),
        }
        rest = list(held)
        for tab in tabs:
            mine, rest = rest[: len(tab.states)], rest[len(tab.states) :]
            values[shell[tab.key]] = gr.update(label=say(language, tab.key))
            told = _merged(tab.retitled(language), tab.retold(mine, language))
            values |= {tab.parts[name]: value for name, value in told.items()}
        return values

    outputs = [shell["heading"], shell["footer"], shell["status"]]
    for tab in tabs:
        outputs += [shell[tab.key], *tab.parts.values()]
    shell["language"].change(
        on_language,
        [shell["language"], *states],
        outputs,
        api_name="language",
        show_progress="hidden",
        queue=False,
    )
    shell["language"].change(
        None, shell["language"], None, js=_REMEMBER % _dress(), api_visibility="private"
    )


def _merged(labels, told):
    """Join updates of labels and of contents; a component may be in both."""
    both = {name: labels[name] | told[name] for name in labels.keys() & told.keys()}
    return labels | told | both


def _dress():
    """Return the JavaScript that brings the frame of the page into a language."""
    keys = ("page.title", "page.theme")
    words = {key: all_strings()[key] for key in keys}
    return _DRESS % json.dumps(words, ensure_ascii=False)


def _heading(language):
    tagline = escape(say(language, "page.tagline"))
    return f"<h1>longkeras</h1><p>{tagline}</p>"


def _footer(language):
    words = escape(say(language, "page.footer"))
    link = escape(say(language, "page.api"))
    # Gradio's own link to that page is hidden: it speaks the browser's language.
    click = "document.querySelector('button.show-api')?.click(); return false"
    return f'{words} <a href="?view=api" onclick="{click}">{link}</a>'
