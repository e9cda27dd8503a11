"""Views of the *Read* tab in a language, as new values for its components."""

from functools import singledispatch

import gradio as gr

from longkeras.app.messages import Told
from longkeras.app.tabs.read.figures.continuation_columns import continuations_html
from longkeras.app.tabs.read.figures.place_panel import inspection_values, place_html
from longkeras.app.tabs.read.figures.results_of import results_of_html
from longkeras.app.tabs.read.figures.summary_table import summary_html
from longkeras.app.tabs.read.figures.surprise_strips import strips_payload
from longkeras.app.tabs.read.views import (
    Comparison,
    Continuations,
    Edited,
    Inspected,
    Loaded,
    Prompted,
    Saved,
)
from longkeras.serving import rows_of_summary


@singledispatch
def render(view, catalogue, language):
    """Return what a view changes on the page.

    Args:
        view: One of the dataclasses of `longkeras.app.tabs.read.views`.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        dict of str to a value or a `gradio.update`, by the name of the component in
        its tab. Components that are not named stay as they are. `notice` and
        `continue_notice` are `Message`s, still to be told.
    """
    raise TypeError(f"`view` must be a view of the page. Received: view={view!r}")


@render.register
def _(view: Told, catalogue, language):
    return {view.where: view.message}


@render.register
def _(view: Loaded, catalogue, language):
    values = {"notice": view.message}
    if view.text is not None:
        values["text"] = view.text
    return values


@render.register
def _(view: Edited, catalogue, language):
    return {"sample": None} | ({"notice": None} if view.clears_notice else {})


@render.register
def _(view: Saved, catalogue, language):
    values = {"file": view.path}
    return values if view.message is None else values | {view.where: view.message}


@render.register
def _(view: Comparison, catalogue, language):
    values = {
        "notice": view.message,
        **_ticked(view),
        "start": gr.update(interactive=not view.is_running),
        "cancel": gr.update(interactive=view.is_running),
    }
    if view.earlier is not None:
        values["results_of"] = results_of_html(view.earlier, language)
    if view.is_step:
        return values
    if not view.readings:
        # What an earlier reading has drawn stays.
        return values | {"numbers": rows_of_summary({})}
    if view.prompt is not None:
        values["prompt"] = view.prompt
    return values | _drawn(view, catalogue, language)


@render.register
def _(view: Inspected, catalogue, language):
    return {
        "inspection": inspection_values(view.comparison.inspections),
        "place": place_html(view.comparison, catalogue, language),
        "prompt_from_place": gr.update(visible=True),
    }


@render.register
def _(view: Prompted, catalogue, language):
    values = {"continue_notice": view.message}
    if view.prompt is not None:
        values["prompt"] = view.prompt
    return values


@render.register
def _(view: Continuations, catalogue, language):
    has_ended = bool(view.texts) and not view.is_running
    return {
        "continue_notice": view.message,
        **_ticked(view),
        "continuations": continuations_html(view, catalogue, language),
        "written": {name: each.text for name, each in view.texts.items()},
        "continue": gr.update(interactive=not view.is_running),
        "stop": gr.update(interactive=view.is_running),
        "csv_continuations": gr.update(visible=has_ended),
    }


def _ticked(view):
    """The ticks beside the models, where some could not be loaded."""
    return {} if view.ticked is None else {"models": list(view.ticked)}


def _drawn(view, catalogue, language):
    """What is drawn of a comparison: strips, place, numbers."""
    place = place_html(view, catalogue, language)
    return {
        "results": gr.update(visible=True),
        "numbers": rows_of_summary(view.readings),
        "results_of": results_of_html(view, language),
        "strips": gr.update(
            value=view.place, reading=strips_payload(view, catalogue, language)
        ),
        "place": place,
        "prompt_from_place": gr.update(visible=bool(place)),
        "summary": summary_html(view, catalogue, language),
    }


def redraw(results, catalogue, language):
    """Return the results that a session keeps, drawn again.

    Args:
        results: `Results`.
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        dict, as of `render`.
    """
    values = {}
    if results.comparison is not None:
        values |= _drawn(results.comparison, catalogue, language)
    view = results.continuations
    if view is not None:
        has_ended = bool(view.texts) and not view.is_running
        values["continuations"] = continuations_html(view, catalogue, language)
        values["csv_continuations"] = gr.update(visible=has_ended)
    return values
