"""The strips: a whole text in colours for each model, on canvases, and the plot."""

import base64
from importlib import resources

import gradio as gr
import numpy as np

from longkeras.app.strings import say
from longkeras.serving import binned_bits, surprise_strip
from longkeras.serving.views import STRIP_FULL_SCALE

EMPTY = {}
"""What is drawn before anything was read: nothing."""
MOST_BINS = 240


class SurpriseStrips(gr.HTML):
    """Strips and plot of one comparison; its value is the chosen character's index.

    `reading` (a property in the page) is what `strips_payload` returns. Pointer, touch
    and keyboard move a cursor; choosing a place sets the value and triggers `select`.

    Args:
        **options: of `gradio.HTML`.
    """

    def __init__(self, value=None, *, reading=None, **options):
        options |= {
            "html_template": '<div class="lk-strips"></div>',
            "js_on_load": _script(),
            "apply_default_css": False,
            "reading": EMPTY if reading is None else reading,
        }
        super().__init__(value, **options)

    def preprocess(self, payload):
        """Return the index as an integer, or None when it is none."""
        is_number = isinstance(payload, (int, float)) and not isinstance(payload, bool)
        return int(payload) if is_number else None

    def postprocess(self, value):
        """Return the index as it is."""
        return value

    def api_info(self):
        """Return how a client gives the value."""
        return {"type": "integer", "description": "index of a character, from 0"}

    def example_payload(self):
        """Return an example for the page about the API."""
        return 0

    def example_value(self):
        """Return an example for the page about the API."""
        return 0


def strips_payload(comparison, catalogue, language):
    """Return what the strips draw, as JSON.

    Args:
        comparison: `Comparison`.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        dict. `num_characters`, `num_cells`, `full_scale`, `place`, `edges` (of the
        plot's bins, in characters), `labels` and `models`: of each the `title`,
        `score`, `colour`, `levels` (a byte for each cell, base64) and `bins`.
    """
    readings = comparison.readings
    if not readings:
        return EMPTY
    reading = next(iter(readings.values()))
    cells = len(surprise_strip(reading).levels)
    byte_edges = binned_bits(reading, MOST_BINS).edges
    edges = np.searchsorted(reading.character_starts, byte_edges)
    labels = ("legend", "stage", "hint", "nothing", "place", "plot")
    return {
        "num_characters": reading.num_characters,
        "num_cells": cells,
        "full_scale": STRIP_FULL_SCALE,
        "place": comparison.place,
        "edges": edges.tolist(),
        "labels": {key: say(language, f"strips.{key}") for key in labels},
        "models": [
            _model(name, readings.get(name), catalogue, language)
            for name in comparison.names
        ],
    }


def _model(name, reading, catalogue, language):
    drawn = {
        "title": catalogue.model_title(name, language),
        "colour": catalogue.model_colour(name),
        "score": say(language, "strips.pending"),
        "levels": "",
        "bins": [],
    }
    if reading is None:
        return drawn
    bits = f"{reading.bits_per_byte:.3f}"
    bins = binned_bits(reading, MOST_BINS).bits_per_byte
    levels = surprise_strip(reading).levels.tobytes()
    return drawn | {
        "score": say(language, "strips.score", bits=bits),
        "levels": base64.b64encode(levels).decode("ascii"),
        "bins": np.round(bins.astype("float64"), 3).tolist(),
    }


def _script():
    file = resources.files("longkeras.app.components").joinpath("surprise_strips.js")
    return file.read_text(encoding="utf-8")
