"""The *Read* tab: models read one text, side by side, and write on."""

import gradio as gr

from longkeras.app.components.notice import notice_html
from longkeras.app.session import StopFlag, Voice
from longkeras.app.strings import DEFAULT_LANGUAGE
from longkeras.app.tabs.base import Tab
from longkeras.app.tabs.read.events import NOTICES, connect
from longkeras.app.tabs.read.figures.surprise_strips import surprise_strips
from longkeras.app.tabs.read.labels import read_labels
from longkeras.app.tabs.read.rendering import retell
from longkeras.app.tabs.read.results import Shown
from longkeras.app.tabs.read.visitor_events import visitor_events
from longkeras.serving.limits import (
    LARGEST_SEED,
    MAX_CONTINUE_BYTES,
    MAX_UPLOAD_BYTES,
)

SECONDS_KEPT = 4 * 60 * 60
"""How long a session's results are kept after its last event."""


class ReadTab(Tab):
    """Takes a text, shows what models make of it, and lets them write on.

    Args:
        catalogue: `Catalogue`.
    """

    name = "read"
    states = ("voice", "shown", "texts", *(f"{name}_message" for name in NOTICES))

    def build(self, language):
        """See `Tab.build`."""
        labels = self.labels(DEFAULT_LANGUAGE)
        self._build_state()
        self._build_input(labels)
        self._build_results(labels)
        self._build_continue(labels)
        connect(self.parts, self.catalogue, language)

    def labels(self, language):
        """See `Tab.labels`."""
        return read_labels(self.catalogue, language)

    def retold(self, held, language):
        """See `Tab.retold`."""
        voice, shown, continuations, *messages = held
        voice.language = language
        said = dict(zip(NOTICES, messages, strict=True))
        notices = {name: notice_html(said[name], language) for name in NOTICES}
        drawn = retell(shown.comparison, continuations, self.catalogue, language)
        return notices | drawn

    def _add(self, name, component):
        self.parts[name] = component

    def _upload_button(self, labels):
        button = gr.UploadButton(
            elem_id="upload", size="md", scale=1, **labels["upload"]
        )
        # Gradio's example on the API page is a PDF somewhere in the network.
        button.example_payload = button.example_value = lambda: {
            "path": "chapter.txt",
            "orig_name": "chapter.txt",
            "meta": {"_type": "gradio.FileData"},
        }
        return button

    def _build_state(self):
        for name in self.states[2:]:
            self._add(name, gr.State(None, time_to_live=SECONDS_KEPT))
        shown = gr.State(Shown(self.catalogue), time_to_live=SECONDS_KEPT)
        self._add("shown", shown)
        self._add("voice", gr.State(Voice()))
        self._add("read_flag", gr.State(StopFlag()))
        self._add("write_flag", gr.State(StopFlag()))

    def _build_input(self, labels):
        names = [name for _, name in labels["models"]["choices"]]
        with gr.Row(elem_id="input"):
            with gr.Column(scale=3, min_width=320):
                with gr.Row(elem_id="sources"):
                    self._add(
                        "sample",
                        gr.Dropdown(
                            value=None,
                            elem_id="sample",
                            filterable=False,
                            scale=3,
                            **labels["sample"],
                        ),
                    )
                    self._add("upload", self._upload_button(labels))
                self._add("visitor", visitor_events("visitor", MAX_UPLOAD_BYTES))
                self._add(
                    "text",
                    gr.Textbox(
                        lines=10, max_lines=10, elem_id="text", **labels["text"]
                    ),
                )
            with gr.Column(scale=2, min_width=300):
                self._add(
                    "models",
                    gr.CheckboxGroup(value=names, elem_id="models", **labels["models"]),
                )
                amount = labels["amount"]["choices"][0][1]
                self._add(
                    "amount",
                    gr.Radio(value=amount, elem_id="amount", **labels["amount"]),
                )
                with gr.Row():
                    self._button("read", labels, variant="primary")
                    self._button("cancel", labels, interactive=False)
        self._html("notice")

    def _build_results(self, labels):
        with gr.Column(visible=False, elem_id="results") as results:
            self._add("numbers", gr.JSON(visible=False, label="numbers"))
            self._html("results_heading", **labels["results_heading"])
            self._html("results_of")
            self._add("strips", surprise_strips("strips"))
            self._html("place")
            self._button("prompt_from_place", labels, visible=False)
            self._html("summary_heading", **labels["summary_heading"])
            self._html("summary")
            with gr.Row(elem_id="downloads"):
                self._html("csv_heading", **labels["csv_heading"])
                for name in ("csv_summary", "csv_bins", "csv_characters"):
                    self._button(name, labels, size="sm")
        self._add("results", results)

    def _build_continue(self, labels):
        self._html("continue_heading", **labels["continue_heading"])
        self._add(
            "prompt",
            gr.Textbox(lines=4, max_lines=4, elem_id="prompt", **labels["prompt"]),
        )
        with gr.Row(elem_id="settings"):
            self._slider("max_bytes", labels, 20, MAX_CONTINUE_BYTES, 300, 10)
            self._slider("temperature", labels, 0, 2, 0.8, 0.05)
            self._slider("top_p", labels, 0.05, 1, 0.95, 0.05)
            self._add(
                "seed",
                gr.Number(
                    0,
                    precision=0,
                    minimum=0,
                    maximum=LARGEST_SEED,
                    elem_id="seed",
                    min_width=140,
                    **labels["seed"],
                ),
            )
        with gr.Row(elem_id="writing"):
            self._button("start", labels, variant="primary")
            self._button("stop", labels, interactive=False)
        self._html("continue_notice")
        self._html("continuations")
        self._add("written", gr.JSON(visible=False, label="written"))
        self._button("csv_continuations", labels, visible=False, size="sm")
        self._add("csv_file", gr.DownloadButton(visible="hidden", elem_id="csv-file"))

    def _html(self, name, value=""):
        part = gr.HTML(value, apply_default_css=False, elem_id=name.replace("_", "-"))
        self._add(name, part)

    def _button(self, name, labels, **options):
        elem_id = name.replace("_", "-")
        self._add(name, gr.Button(elem_id=elem_id, **labels[name], **options))

    def _slider(self, name, labels, low, high, value, step):
        slider = gr.Slider(
            low,
            high,
            value,
            step=step,
            precision=0 if isinstance(step, int) else None,
            elem_id=name.replace("_", "-"),
            min_width=200,
            **labels[name],
        )
        self._add(name, slider)
