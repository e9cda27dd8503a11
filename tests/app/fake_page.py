"""Serves the page over models that cost nothing: python -m tests.app.fake_page."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from longkeras.app.build import build_page
from longkeras.app.command_line import parse_arguments, serve
from tests.app.fake_registry import FakeRegistry

if __name__ == "__main__":
    serve(build_page(FakeRegistry(step_seconds=0.002)), parse_arguments())
