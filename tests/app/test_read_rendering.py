import base64
from types import SimpleNamespace

import pytest

from longkeras.app.components.notice import notice_html
from longkeras.app.messages import Message, Told
from longkeras.app.session import Work
from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.figures.surprise_strips import strips_payload
from longkeras.app.tabs.read.rendering import redraw, render
from longkeras.app.tabs.read.results import Results
from longkeras.app.tabs.read.views import Loaded, Prompted
from longkeras.serving import MAX_READ_BYTES
from tests.app.fake_registry import NAMES

HOSTILE = '<script>alert("月")</script><img src=x onerror=alert(1)> & more. ' * 3


@pytest.fixture
def shown(catalogue):
    """A comparison of a hostile text with a place, and continuations of it."""
    settings = {"max_bytes": 30, "temperature": 1.0, "top_p": 1.0, "seed": 0}
    work = Work()
    names = list(NAMES)
    *_, read = handlers.read(catalogue, work, HOSTILE, names, MAX_READ_BYTES)
    *_, texts = handlers.continue_from(catalogue, work, HOSTILE, names, settings)
    inspected = handlers.inspect(catalogue, read, 10)
    return SimpleNamespace(read=read, inspected=inspected, texts=texts)


def words_of(values, language):
    """All strings of rendered values, updates included."""
    found = []
    for value in values.values():
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += words_of(value, language)
        elif isinstance(value, Message):
            found.append(notice_html(value, language))
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_people_and_models_write_is_escaped(shown, catalogue, language):
    for view in (shown.inspected, shown.texts):
        values = render(view, catalogue, language)
        for name in ("place", "continuations"):
            html = values.get(name, "")
            assert "<script" not in html and "<img" not in html
    refused = Message("error.file_type", {"suffixes": "", "received": "<b>"})
    values = render(Loaded(None, refused), catalogue, language)
    assert "<b>" not in notice_html(values["notice"], language)


def test_every_view_is_told_in_both_languages(shown, catalogue):
    views = [
        shown.read,
        shown.inspected,
        shown.texts,
        Told(Message("work.busy")),
        Prompted("x", Message("read.notice.no_place")),
    ]
    for view in views:
        english = words_of(render(view, catalogue, "en"), "en")
        chinese = words_of(render(view, catalogue, "zh"), "zh")
        assert english != chinese


def test_a_step_changes_the_message_and_the_buttons_only(shown, catalogue):
    from dataclasses import replace

    step = replace(shown.read, is_step=True, is_running=True)
    values = render(step, catalogue, "en")
    assert set(values) == {"notice", "start", "cancel"}
    assert values["cancel"]["interactive"] and not values["start"]["interactive"]


def test_a_message_appears_where_it_belongs(catalogue):
    told = Told(Message("work.busy"), "continue_notice")
    assert set(render(told, catalogue, "en")) == {"continue_notice"}


def test_an_unknown_view_is_refused(catalogue):
    with pytest.raises(TypeError, match="`view`"):
        render("text", catalogue, "en")


def test_the_strips_hold_a_colour_for_every_character(shown, catalogue):
    payload = strips_payload(shown.read, catalogue, "zh")
    assert payload["num_characters"] == len(HOSTILE) == payload["num_cells"]
    assert [model["title"] for model in payload["models"]] == [
        "循环网络",
        "全注意力",
        "滑动窗口",
    ]
    for model in payload["models"]:
        assert len(base64.b64decode(model["levels"])) == payload["num_cells"]
        assert len(model["bins"]) == len(payload["edges"]) - 1
    assert payload["edges"][0] == 0 and payload["edges"][-1] == len(HOSTILE)


def test_models_that_have_not_read_yet_keep_their_place(catalogue):
    views = handlers.read(catalogue, Work(), "月" * 50, list(NAMES), 100)
    view = next(view for view in views if view.readings)
    payload = strips_payload(view, catalogue, "en")
    assert [bool(model["levels"]) for model in payload["models"]] == [
        True,
        False,
        False,
    ]


def test_all_that_is_shown_is_told_again(shown, catalogue):
    results = Results(catalogue)
    assert redraw(results, catalogue, "zh") == {}
    results.comparison = shown.inspected.comparison
    results.continuations = shown.texts
    values = redraw(results, catalogue, "zh")
    assert "比特/字节" in values["summary"]
    assert "第 11 字符" in values["place"]
    assert "提示" in values["continuations"]
    assert values["csv_continuations"]["visible"]


def test_the_protocol_of_each_model_is_named(shown, catalogue):
    summary = render(shown.read, catalogue, "en")["summary"]
    assert "in segments of 64 bytes, 32 apart" in summary
    assert "context not limited" in summary
    assert "sees at most" in summary


def test_the_manifest_s_scores_stand_beside_what_was_read(shown, catalogue):
    summary = render(shown.read, catalogue, "zh")["summary"]
    assert "English 2.00, 中文 2.50" in summary


def test_models_that_could_not_be_loaded_are_unticked(shown, catalogue):
    from dataclasses import replace

    for view in (shown.read, shown.texts):
        assert "models" not in render(view, catalogue, "en")
        view = replace(view, ticked=NAMES[:1])
        assert render(view, catalogue, "en")["models"] == list(NAMES[:1])


def test_a_place_is_told_in_bits_per_byte_like_everything_else(catalogue):
    *_, read = handlers.read(catalogue, Work(), "月" * 30, [NAMES[0]], 20_000)
    view = handlers.inspect(catalogue, read, 12)
    bits = float(read.readings[NAMES[0]].character_bits[12])
    html = render(view, catalogue, "en")["place"]
    assert f"took {bits / 3:.1f} bits per byte" in html
    assert f'aria-current="true">{bits / 3:.1f}</td>' in html
    assert f"{bits:.1f}</td>" not in html
