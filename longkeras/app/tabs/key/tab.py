"""The *Find a key* tab: an encoder looks for a number in a long text."""

from html import escape

import gradio as gr

from longkeras.app.components.notice import notice_html
from longkeras.app.strings import DEFAULT_LANGUAGE, say
from longkeras.app.tabs.base import Tab
from longkeras.app.tabs.key.figures import key_html, key_numbers
from longkeras.app.tabs.key.handlers import look_for_key
from longkeras.serving.key_finder import KEY_LENGTHS
from longkeras.serving.limits import LARGEST_SEED

_SECONDS_KEPT = 4 * 60 * 60


class KeyTab(Tab):
    """Says where a key is hidden, and what the encoder finds.

    Args:
        catalogue: `Catalogue`.
    """

    name = "key"
    states = ("search",)

    def build(self, language):
        """See `Tab.build`."""
        labels = self.labels(DEFAULT_LANGUAGE)
        parts = self.parts
        parts["search"] = gr.State(None, time_to_live=_SECONDS_KEPT)
        parts["lead"] = gr.HTML(apply_default_css=False, **labels["lead"])
        with gr.Row(elem_id="key-input"):
            parts["text"] = gr.Dropdown(
                value=labels["text"]["choices"][0][1],
                filterable=False,
                elem_id="key-text",
                scale=2,
                # As wide as the longest title and its arrow.
                min_width=260,
                **labels["text"],
            )
            parts["length"] = gr.Radio(
                value=KEY_LENGTHS[-1],
                elem_id="key-length",
                scale=3,
                min_width=430,
                **labels["length"],
            )
            parts["depth"] = gr.Slider(
                0,
                100,
                30,
                step=1,
                elem_id="key-depth",
                scale=3,
                min_width=180,
                **labels["depth"],
            )
            parts["draw"] = gr.Number(
                1,
                precision=0,
                minimum=0,
                maximum=LARGEST_SEED,
                elem_id="key-draw",
                scale=1,
                min_width=130,
                **labels["draw"],
            )
        parts["find"] = gr.Button(
            elem_id="key-find", variant="primary", **labels["find"]
        )
        parts["notice"] = gr.HTML(apply_default_css=False, elem_id="key-notice")
        parts["panel"] = gr.HTML(apply_default_css=False, elem_id="key-panel")
        parts["numbers"] = gr.JSON(visible=False, label="numbers")
        self._connect(language)

    def retold(self, held, language):
        """See `Tab.retold`."""
        (search,) = held
        if search is None:
            return {}
        return {
            "notice": notice_html(search.message, language),
            "panel": key_html(search.found, language),
        }

    def _connect(self, language):
        parts = self.parts

        def on_find(text, length, depth, draw, language):
            """Hide a key in a sample and look for it; first come the numbers."""
            for search in look_for_key(self.catalogue, text, length, depth, draw):
                yield {
                    parts["numbers"]: key_numbers(search.found),
                    parts["notice"]: notice_html(search.message, language),
                    parts["panel"]: key_html(search.found, language),
                    parts["find"]: gr.update(interactive=not search.is_running),
                    parts["search"]: search,
                }

        asked = [parts[name] for name in ("text", "length", "depth", "draw")]
        told = [
            parts[name] for name in ("numbers", "notice", "panel", "find", "search")
        ]
        parts["find"].click(
            on_find,
            [*asked, language],
            told,
            api_name="find_key",
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="key",
        )

    def labels(self, language):
        """See `Tab.labels`."""

        def told(key, **values):
            return say(language, key, **values)

        lengths = [(told("key.length_bytes", bytes=n), n) for n in KEY_LENGTHS]
        lead = f'<p class="lk-hint">{escape(told("key.lead"))}</p>'
        return {
            "lead": {"value": lead},
            "text": {
                "label": told("key.text"),
                "choices": self.catalogue.key_text_choices(language),
            },
            "length": {"label": told("key.length"), "choices": lengths},
            "depth": {"label": told("key.depth")},
            "draw": {"label": told("key.draw"), "info": told("key.draw_info")},
            "find": {"value": told("key.find")},
        }
