"""A tab is a folder and a line in the list."""

import gc

import gradio as gr
import pytest

from longkeras.app import tabs
from longkeras.app.build import build_page
from longkeras.app.session import Session
from longkeras.app.strings import say
from tests.app.fake_registry import FakeRegistry

# Gradio leaves event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def page(monkeypatch):
    """The page with a third tab."""
    monkeypatch.setattr(tabs, "TABS", (*tabs.TABS, "tests.app.toy.tab:ToyTab"))
    yield build_page(FakeRegistry())
    gc.collect()


def endpoint(page, name):
    (found,) = (each for each in page.blocks.fns.values() if each.api_name == name)
    return found


def test_a_third_tab_appears_with_strings_ids_and_endpoints_of_its_own(page):
    blocks = page.blocks.blocks.values()
    titles = [block.label for block in blocks if isinstance(block, gr.Tab)]
    assert titles == ["Read", "Find a key", "Double"]
    assert say("zh", "toy.title") == "加倍"
    ids = {getattr(block, "elem_id", None) for block in blocks}
    assert {"toy-number", "toy-double", "toy-notice"} <= ids
    endpoints = page.blocks.get_api_info()["named_endpoints"]
    returns = [each["label"] for each in endpoints["/toy_double"]["returns"]]
    assert returns == ["numbers", "notice"]
    assert endpoints["/toy_double"]["description"] == "Double a number."
    assert "加倍" in page.head


def test_ids_and_endpoints_begin_with_the_name_of_their_tab(page):
    shell = {"lk-header", "lk-controls", "lk-footer", "language", "theme", "status"}
    for block in page.blocks.blocks.values():
        name = getattr(block, "elem_id", None)
        assert not name or name in shell or name.startswith(("read-", "key-", "toy-"))
    for name in page.blocks.get_api_info()["named_endpoints"]:
        assert name == "/status" or name.startswith(("/read_", "/key_", "/toy_"))


def test_work_of_a_third_tab_answers_in_the_language_of_the_call(page):
    double = endpoint(page, "toy_double")
    *_, answer = double.fn(Session(), 4, "zh")
    numbers, notice, session = (answer[part] for part in double.outputs)
    assert (numbers, notice) == ({"doubled": 8}, "已加倍。")
    assert session.language == "zh"


def test_a_reload_draws_what_every_tab_has_kept(page):
    session = Session()
    list(endpoint(page, "on_double").fn(session, 4, "en"))
    load = endpoint(page, "on_load")
    assert load.fn("a", session, "en")[load.outputs[0]] is session
    values = load.fn("a", Session(), "zh")
    assert values.pop(load.outputs[0]) is session
    assert [value for value in values.values() if "已加倍" in value]
