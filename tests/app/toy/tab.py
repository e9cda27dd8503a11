"""A third tab, as small as one can be."""

from dataclasses import dataclass

import gradio as gr

from longkeras.app.messages import Message
from longkeras.app.strings import say
from longkeras.app.tabs.base import Tab


@dataclass(frozen=True)
class Doubled:
    """Twice a number."""

    message: Message
    number: float = 0.0
    is_running: bool = False


class ToyTab(Tab):
    """Doubles a number."""

    name = "toy"

    def build(self):
        self.add("number", gr.Number, value=1, minimum=0, maximum=9)
        self.add("double", gr.Button)
        self.add_html("notice")

    def connect(self):
        def on_double(session, number):
            """Double a number."""

            def steps(work):
                view = Doubled(Message("toy.done", kind="done"), 2 * number)
                session.results["toy"] = view
                return [view]

            def running(message):
                return Doubled(message, is_running=True)

            yield from self.run(session, "double", steps, running)

        self.on(
            self.parts["double"].click,
            on_double,
            ("number",),
            ("notice",),
            api_name="double",
            returns=("numbers", "notice"),
        )

    def labels(self, language):
        return {
            "number": {"label": say(language, "toy.number")},
            "double": {"value": say(language, "toy.double")},
        }

    def render(self, view, language):
        return {"notice": view.message, "numbers": {"doubled": view.number}}

    def drawn(self, session):
        return {}
