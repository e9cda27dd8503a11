from dataclasses import replace
from types import SimpleNamespace

import pytest

from longkeras.app.messages import Message, Told
from longkeras.app.session import Work
from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.rendering import render
from longkeras.app.tabs.read.results import Results
from longkeras.app.tabs.read.views import Comparison, Continuations
from tests.app.fake_registry import NAMES

FIRST, SECOND = "The moon rose over the hill. " * 3, "春眠不觉晓，处处闻啼鸟。" * 3


@pytest.fixture
def views(catalogue):
    """What a reading of two texts yields when a model has finished."""

    def read(text):
        steps = handlers.read(catalogue, Work(), text, list(NAMES), 1_000)
        return [view for view in steps if view.readings and not view.is_step]

    return SimpleNamespace(first=read(FIRST), second=read(SECOND))


def running():
    return Comparison(Message("work.starting"), is_running=True, is_step=True)


@pytest.mark.parametrize("key", ["error.empty", "read.notice.no_place"])
def test_a_reading_without_results_leaves_the_one_before(catalogue, views, key):
    shown = Results(catalogue)
    shown.take(views.first[-1])
    shown.look_at(5)
    before = shown.comparison
    shown.take(Comparison(Message(key, kind="error")))
    assert shown.comparison == before
    assert shown.comparison.place == 5


def test_the_results_on_the_page_are_called_earlier_while_a_new_text_is_read(
    catalogue, views
):
    shown = Results(catalogue)
    shown.take(views.first[-1])
    values = render(shown.take(running()), catalogue, "en")
    assert 'role="status"' in values["results_of"]
    assert "earlier text, which begins “The moon" in values["results_of"]
    assert not {"strips", "place", "summary", "results"} & set(values)
    # It is announced once.
    assert "results_of" not in render(shown.take(running()), catalogue, "en")
    cancelled = Comparison(
        Message("read.notice.cancelled", {"finished": 0, "total": 3})
    )
    values = render(shown.take(cancelled), catalogue, "en")
    assert "earlier" not in values["results_of"]
    assert values["numbers"] == []


def test_nothing_is_called_earlier_before_the_first_reading(catalogue):
    view = Results(catalogue).take(running())
    assert "results_of" not in render(view, catalogue, "en")


def test_a_place_includes_the_models_that_finish_after_it_was_opened(catalogue, views):
    shown = Results(catalogue)
    shown.take(views.first[0])
    kept = shown.look_at(7).comparison.inspections
    for count, view in enumerate(views.first, 1):
        drawn = shown.take(view)
        assert drawn.place == 7
        assert list(drawn.inspections) == list(NAMES[: min(count, len(NAMES))])
    assert drawn.inspections[NAMES[0]] is kept[NAMES[0]]


def test_a_place_of_one_text_is_not_opened_in_another(catalogue, views):
    shown = Results(catalogue)
    shown.take(views.first[-1])
    shown.look_at(7)
    assert shown.take(views.second[0]).place is None
    assert shown.look_at(20).comparison.text == SECOND


def test_a_look_that_ends_late_keeps_what_was_read_meanwhile(catalogue, views):
    shown = Results(catalogue)
    shown.take(views.first[0])
    shown.take(replace(views.first[-1], message=Message("work.starting")))
    looked = shown.look_at(3).comparison
    assert list(looked.readings) == list(looked.inspections) == list(NAMES)


def test_other_views_pass(catalogue, views):
    shown = Results(catalogue)
    told = Told(Message("work.busy"))
    assert shown.take(told) is told


def test_only_what_has_finished_is_left_after_an_interruption(catalogue, views):
    results = Results(catalogue)
    results.take(views.first[0])
    results.take(running())
    assert results.comparison.is_earlier and len(results.comparison.names) == len(NAMES)
    results.interrupt()
    assert not results.comparison.is_earlier and not results.comparison.is_running
    assert results.comparison.names == NAMES[:1]
    assert results.take(Continuations(Message("x"), True, "The")).is_running
    results.interrupt()
    assert not results.continuations.is_running
