"""Components, labels and events of the *Find a key* tab."""

from html import escape

import gradio as gr

from longkeras.app.strings import say
from longkeras.app.tabs.base import Tab
from longkeras.app.tabs.key.figures import key_html, key_numbers
from longkeras.app.tabs.key.handlers import KeySearch, look_for_key
from longkeras.serving.key_finder import KEY_LENGTHS
from longkeras.serving.limits import LARGEST_SEED


class KeyTab(Tab):
    """Hides a key in a long text and shows what the encoder finds."""

    name = "key"

    def build(self):
        """See `Tab.build`."""
        self.add_html("lead")
        with gr.Row(elem_id=self.element_id("input")):
            self.add(
                "text",
                gr.Dropdown,
                value=self.catalogue.key_text_choices("en")[0][1],
                filterable=False,
                scale=2,
                # As wide as the longest title and its arrow.
                min_width=260,
            )
            self.add("length", gr.Radio, value=KEY_LENGTHS[-1], scale=3, min_width=430)
            self.add(
                "depth",
                gr.Slider,
                minimum=0,
                maximum=100,
                value=30,
                step=1,
                scale=3,
                min_width=180,
            )
            self.add(
                "draw",
                gr.Number,
                value=1,
                precision=0,
                minimum=0,
                maximum=LARGEST_SEED,
                scale=1,
                min_width=130,
            )
        self.add("find", gr.Button, variant="primary")
        self.add_html("notice")
        self.add_html("panel")

    def connect(self):
        """See `Tab.connect`."""

        def on_find(session, text, length, depth, draw):
            """Hide a key in a sample, look for it, and return what was found."""

            def steps(_work):
                return look_for_key(self.catalogue, text, length, depth, draw)

            def running(message):
                return KeySearch(message, is_running=True)

            for view in self.run(session, "find", steps, running):
                if isinstance(view, KeySearch):
                    session.results[self.name] = view
                yield view

        self.on(
            self.parts["find"].click,
            on_find,
            ("text", "length", "depth", "draw"),
            ("notice", "panel", "find"),
            api_name="find",
            returns=("numbers", "notice"),
            concurrency_limit=None,
        )

    def render(self, view, language):
        """See `Tab.render`."""
        if not isinstance(view, KeySearch):
            return {view.where: view.message}
        return {
            "numbers": key_numbers(view.found),
            "notice": view.message,
            "panel": key_html(view.found, language),
            "find": gr.update(interactive=not view.is_running),
        }

    def drawn(self, session):
        """See `Tab.drawn`."""
        if self.name not in session.results:
            return {}
        search = session.results[self.name]
        return {"panel": key_html(search.found, session.language)}

    def labels(self, language):
        """See `Tab.labels`."""

        def told(key, **values):
            return say(language, f"key.{key}", **values)

        lengths = [(told("length_bytes", bytes=n), n) for n in KEY_LENGTHS]
        return {
            "lead": {"value": f'<p class="lk-hint">{escape(told("lead"))}</p>'},
            "text": {
                "label": told("text"),
                "choices": self.catalogue.key_text_choices(language),
            },
            "length": {"label": told("length"), "choices": lengths},
            "depth": {"label": told("depth")},
            "draw": {"label": told("draw"), "info": told("draw_info")},
            "find": {"value": told("find")},
        }
