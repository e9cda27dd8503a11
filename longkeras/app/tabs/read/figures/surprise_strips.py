"""The strips: a whole text in colours for each model, on canvases, and the plot."""

import base64
from importlib import resources

import gradio as gr
import numpy as np

from longkeras.app.strings import say, template
from longkeras.serving import binned_bits, surprise_strip
from longkeras.serving.views import STRIP_FULL_SCALE

EMPTY = {}
"""The payload before anything was read."""
MOST_BINS = 240


def surprise_strips(elem_id):
    """Return the component with the strips and the plot of one comparison.

    Its property `reading` is what `strips_payload` returns. Pointer, touch and keyboard
    move a cursor; choosing a place sets the value, the index of a character, and
    triggers `select`. (A function and not a subclass: gradio writes a stub file beside
    the source of every subclass.)

    Args:
        elem_id: str.

    Returns:
        `gradio.HTML`.
    """
    strips = gr.HTML(
        None,
        html_template='<div class="lk-strips"></div>',
        js_on_load=_script(),
        apply_default_css=False,
        elem_id=elem_id,
        reading=EMPTY,
    )
    # The type of the value on the API page, instead of HTML.
    strips.api_info = lambda: {"type": "integer"}
    strips.example_payload = strips.example_value = lambda: 0
    return strips


def chosen_character(value):
    """Return the value of the component as the index of a character.

    Args:
        value: int, float or str, as the page or a client sends it.

    Returns:
        int or None: None when it is no whole number.

    Example:
    >>> [chosen_character(value) for value in (3, 3.0, "3", "x", float("nan"), None)]
    [3, 3, 3, None, None, None]
    """
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
        "labels": {key: template(language, f"read.strips.{key}") for key in labels},
        "models": [
            _model(name, readings.get(name), catalogue, language)
            for name in comparison.names
        ],
    }


def _model(name, reading, catalogue, language):
    drawn = {
        "title": catalogue.model_title(name, language),
        "colour": catalogue.model_colour(name),
        "score": say(language, "read.strips.pending"),
        "levels": "",
        "bins": [],
    }
    if reading is None:
        return drawn
    bits = f"{reading.bits_per_byte:.3f}"
    bins = binned_bits(reading, MOST_BINS).bits_per_byte
    levels = surprise_strip(reading).levels.tobytes()
    return drawn | {
        "score": say(language, "read.strips.score", bits=bits),
        "levels": base64.b64encode(levels).decode("ascii"),
        "bins": np.round(bins.astype("float64"), 3).tolist(),
    }


def _script():
    file = resources.files("longkeras.app.tabs.read.figures").joinpath(
        "surprise_strips.js"
    )
    return file.read_text(encoding="utf-8")
