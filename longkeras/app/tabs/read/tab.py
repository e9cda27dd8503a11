"""Components and labels of the *Read* tab."""

from html import escape

import gradio as gr

from longkeras.app.strings import say
from longkeras.app.tabs.base import Tab
from longkeras.app.tabs.read.events import AT_ONCE, connect
from longkeras.app.tabs.read.figures.surprise_strips import surprise_strips
from longkeras.app.tabs.read.rendering import redraw, render
from longkeras.app.tabs.read.results import Results
from longkeras.app.tabs.read.visitor_events import visitor_events
from longkeras.serving.limits import (
    LARGEST_SEED,
    MAX_CONTINUE_BYTES,
    MAX_UPLOAD_BYTES,
)


class ReadTab(Tab):
    """Takes a text, shows what models predict in it, and lets them continue it."""

    name = "read"
    notices = ("notice", "continue_notice")
    at_once = AT_ONCE

    def results(self, session):
        """Return the `Results` of a session."""
        return session.result(self.name, lambda: Results(self.catalogue))

    def build(self):
        """See `Tab.build`."""
        self._build_input()
        self._build_results()
        self._build_continue()

    def connect(self):
        """See `Tab.connect`."""
        connect(self)

    def render(self, view, language):
        """See `Tab.render`."""
        return render(view, self.catalogue, language)

    def drawn(self, session):
        """See `Tab.drawn`."""
        return redraw(self.results(session), self.catalogue, session.language)

    def interrupt(self, session):
        """See `Tab.interrupt`."""
        self.results(session).interrupt()

    def _build_input(self):
        names = list(self.catalogue.registry.names("reading"))
        with gr.Row(elem_id=self.element_id("input")):
            with gr.Column(scale=3, min_width=320):
                with gr.Row(elem_id=self.element_id("sources")):
                    self.add(
                        "sample", gr.Dropdown, value=None, filterable=False, scale=3
                    )
                    self.add("upload", gr.UploadButton, size="md", scale=1)
                    _set_example(self.parts["upload"])
                self.add("visitor", visitor_events, max_bytes=MAX_UPLOAD_BYTES)
                self.add("text", gr.Textbox, lines=10, max_lines=10)
            with gr.Column(scale=2, min_width=300):
                self.add("models", gr.CheckboxGroup, value=names)
                self.add("amount", gr.Radio, value=self.catalogue.amounts()[0])
                with gr.Row():
                    self.add("start", gr.Button, variant="primary")
                    self.add("cancel", gr.Button, interactive=False)
        self.add_html("notice")

    def _build_results(self):
        results = gr.Column(visible=False, elem_id=self.element_id("results"))
        self.parts["results"] = results
        with results:
            self.add_html("results_heading")
            self.add_html("results_of")
            self.add("strips", surprise_strips)
            self.add_html("place")
            self.add("prompt_from_place", gr.Button, visible=False)
            self.add_html("summary_heading")
            self.add_html("summary")
            with gr.Row(elem_id=self.element_id("downloads")):
                self.add_html("csv_heading")
                for name in ("csv_summary", "csv_bins", "csv_characters"):
                    self.add(name, gr.Button, size="sm")

    def _build_continue(self):
        self.add_html("continue_heading")
        self.add("prompt", gr.Textbox, lines=4, max_lines=4)
        with gr.Row(elem_id=self.element_id("settings")):
            self._add_slider("max_bytes", 20, MAX_CONTINUE_BYTES, 300, 10, precision=0)
            self._add_slider("temperature", 0, 2, 0.8, 0.05)
            self._add_slider("top_p", 0.05, 1, 0.95, 0.05)
            self.add(
                "seed",
                gr.Number,
                value=0,
                precision=0,
                minimum=0,
                maximum=LARGEST_SEED,
                min_width=140,
            )
        with gr.Row(elem_id=self.element_id("writing")):
            self.add("continue", gr.Button, variant="primary")
            self.add("stop", gr.Button, interactive=False)
        self.add_html("continue_notice")
        self.add_html("continuations")
        self.add("csv_continuations", gr.Button, visible=False, size="sm")
        self.add("file", gr.DownloadButton, visible="hidden")

    def _add_slider(self, name, low, high, value, step, precision=None):
        self.add(
            name,
            gr.Slider,
            minimum=low,
            maximum=high,
            value=value,
            step=step,
            precision=precision,
            min_width=200,
        )

    def labels(self, language):
        """See `Tab.labels`."""

        def told(key, **values):
            return say(language, f"read.{key}", **values)

        *amounts, everything = self.catalogue.amounts()
        amount_choices = [
            *((told("input.amount_bytes", bytes=each), each) for each in amounts),
            (told("input.amount_all", bytes=everything), everything),
        ]
        settings = ("max_bytes", "temperature", "top_p", "seed")
        tables = ("summary", "bins", "characters", "continuations")
        return {
            "text": {
                "label": told("input.text"),
                "placeholder": told("input.placeholder"),
            },
            "sample": {
                "label": told("input.sample"),
                "choices": self.catalogue.sample_choices(language),
            },
            "upload": {"label": told("input.upload")},
            "models": {
                "label": told("input.models"),
                "choices": self.catalogue.model_choices(language),
            },
            "amount": {
                "label": told("input.amount"),
                "info": told("input.amount_info"),
                "choices": amount_choices,
            },
            "start": {"value": told("input.read")},
            "cancel": {"value": told("input.cancel")},
            "results_heading": {"value": _heading(told("results.heading"))},
            "prompt_from_place": {"value": told("place.continue")},
            "summary_heading": {"value": _heading(told("summary.heading"))},
            "csv_heading": {
                "value": f'<p class="lk-hint">{escape(told("csv.heading"))}</p>'
            },
            **{f"csv_{kind}": {"value": told(f"csv.{kind}")} for kind in tables},
            "continue_heading": {
                "value": _heading(told("continue.heading"), told("continue.lead"))
            },
            "prompt": {
                "label": told("continue.prompt"),
                "info": told("continue.prompt_info"),
                "placeholder": told("continue.placeholder"),
            },
            **{name: {"label": say(language, f"setting.{name}")} for name in settings},
            "continue": {"value": told("continue.start")},
            "stop": {"value": told("continue.stop")},
        }


def _set_example(upload):
    # Gradio's example on the API page is a PDF somewhere in the network.
    upload.example_payload = upload.example_value = lambda: {
        "path": "chapter.txt",
        "orig_name": "chapter.txt",
        "meta": {"_type": "gradio.FileData"},
    }


def _heading(title, lead=""):
    lead = f"<p>{escape(lead)}</p>" if lead else ""
    return f'<div class="lk-section"><h2>{escape(title)}</h2>{lead}</div>'
