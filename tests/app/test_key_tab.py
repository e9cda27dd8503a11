"""A key is hidden, looked for, and told in both languages."""

import json
import re
from types import SimpleNamespace

import pytest

from longkeras.app.catalogue import Catalogue
from longkeras.app.tabs.key.figures import key_html, key_numbers
from longkeras.app.tabs.key.handlers import look_for_key
from longkeras.data import samples
from longkeras.serving import ModelRegistry, key_finder
from tests.app.fake_registry import FakeRegistry
from tests.serving.test_registry import write_models

LENGTH = 1_024


@pytest.fixture(name="catalogue")
def _catalogue():
    return Catalogue(FakeRegistry(), samples())


def last_of(catalogue, name="middlemarch", length=LENGTH, depth=20, draw=1):
    running, ended = look_for_key(catalogue, name, length, depth, draw)
    assert running.is_running and running.found is None
    assert not ended.is_running
    return ended


def test_a_key_is_found_or_not(catalogue):
    right, wrong = last_of(catalogue), last_of(catalogue, depth=50)
    assert right.message.key == "key.right"
    assert wrong.message.key == "key.wrong"
    assert wrong.message.values["read"] == "00000"
    assert re.fullmatch(r"\d{5}", wrong.message.values["hidden"])


def test_the_same_draw_hides_the_same_key(catalogue):
    first, again, other = (last_of(catalogue, draw=draw).found for draw in (7, 7, 8))
    assert first.example == again.example != other.example
    assert abs(len(first.example.context.encode()) - LENGTH) <= 3


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"name": "no such text"}, "error.unknown_sample"),
        ({"length": 10**6}, "error.out_of_range"),
        ({"depth": 101}, "error.out_of_range"),
        ({"depth": None}, "error.out_of_range"),
        ({"draw": -1}, "error.out_of_range"),
        ({"draw": None}, "error.out_of_range"),
    ],
)
def test_bad_input_is_told(catalogue, changed, key):
    message = last_of(catalogue, **changed).message
    assert (message.key, message.kind) == (key, "error")
    assert message.text("zh")


def test_a_folder_without_the_encoder_is_told(catalogue, tmp_path):
    encoder = {"task": "token_classifier", "family": "longformer"}
    for capabilities, key in (([], "missing"), (["key_search"], "broken")):
        folder = tmp_path / key
        write_models(folder, capabilities=capabilities, **encoder)
        (folder / "a" / "config.json").write_text("{}", "utf-8")
        catalogue.registry.key_finder = ModelRegistry(folder).key_finder
        assert last_of(catalogue).message.key == f"key.{key}"


def test_the_panel_shows_each_number_and_each_digit(catalogue):
    found = last_of(catalogue, length=4_096).found
    html = key_html(found, "en")
    assert f"<mark>{found.example.answer}</mark>" in html
    others = key_finder.num_decoys_for(4_096)
    assert f"other numbers: {others}" in html
    # Each number is told twice; the legend has one mark of each kind.
    assert html.count('class="lk-key-other"') == 2 * others + 1
    assert html.count('class="lk-key-key"') == 2 + 1
    assert html.count("lk-key-right") == 5
    assert "其他数字" in key_html(found, "zh")
    assert key_html(None, "en") == ""


def test_a_text_is_not_read_as_html(catalogue):
    found = last_of(catalogue).found
    changed = found.example.context.replace(" ", "<b>&")
    example = SimpleNamespace(**{**vars(found.example), "context": changed})
    html = key_html(key_finder.FoundKey(example, found.probabilities, 0.1, 1), "en")
    assert "<b>&" not in html.split("<blockquote>")[1].split("</blockquote>")[0]


def test_the_numbers_are_plain_values(catalogue):
    numbers = key_numbers(last_of(catalogue).found)
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["is_right"] and numbers["read"] == numbers["key"]
    assert key_numbers(None) == {}


def test_texts_for_keys_are_long_and_english(catalogue):
    names = [name for _, name in catalogue.key_text_choices("zh")]
    assert names == ["middlemarch", "hard-cash"]


@pytest.mark.slow
def test_the_shipped_encoder_finds_most_keys():
    finder = ModelRegistry().key_finder
    text = samples()[0].text
    found = [finder.find(text, LENGTH, depth / 10, 3) for depth in range(11)]
    assert sum(each.is_right for each in found) >= 9
    for each in found:
        assert each.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-3)
