import ast
import re
import string
from pathlib import Path

import pytest

import longkeras.app
from longkeras.app.strings import LANGUAGES, all_strings, say, template
from longkeras.serving.limits import MESSAGES

HOUSE = Path(longkeras.app.__file__).parent


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", all_strings())
def test_a_string_is_said_in_every_language_with_the_same_values(key):
    said = all_strings()[key]
    assert set(said) == set(LANGUAGES)
    assert all(said.values())
    assert placeholders(said["en"]) == placeholders(said["zh"])


def test_chinese_strings_are_chinese():
    for key, said in all_strings().items():
        if said["zh"] != said["en"]:
            assert re.search(r"[\u4e00-\u9fff]", said["zh"]), key


@pytest.mark.parametrize("code", MESSAGES)
def test_every_refusal_of_serving_can_be_told(code):
    assert f"error.{code}" in all_strings()
    # Why a file is no text is told by the decoder in English; the page leaves it out.
    known = placeholders(MESSAGES[code])
    assert placeholders(template("en", f"error.{code}")) <= known


def test_every_string_is_used_somewhere():
    source = "\n".join(path.read_text() for path in HOUSE.rglob("*.py"))
    words = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # The last part of these keys is put together from a value.
    built = (
        "argument.",
        "error.",
        "read.place.",
        "read.strips.",
        "read.summary.",
        "read.continue.",
        "read.notice.stage_",
        "read.csv.",
    )
    titles = {f"{tab}.title" for tab in ("read", "key")}
    for key in all_strings().keys() - titles:
        # A tab's labels are named without the tab.
        names = {key, key.partition(".")[2]}
        assert names & words or key.startswith(built), key


def test_an_unknown_language_is_told_in_english():
    assert say("fr", "read.input.read") == say("en", "read.input.read")


def test_the_assets_name_nothing_in_a_network():
    for path in HOUSE.rglob("*"):
        if path.suffix in (".css", ".js", ".json"):
            links = re.findall(r"https?://[^\s\"']+", path.read_text())
            assert set(links) <= {"http://www.w3.org/2000/svg"}, path


@pytest.mark.parametrize(
    ("key", "values", "one"),
    [
        ("read.notice.read_all", {"read": 1, "characters": 1}, "1 byte, 1 character."),
        (
            "read.notice.read_part",
            {"read": 9, "characters": 9, "dropped": 1},
            "1 byte after them was not read.",
        ),
        ("status.ready", {"total": 1}, "1 model is ready"),
        (
            "read.continue.footnote",
            {"written": 1, "speed": 1, "prompt": 1},
            "1 byte, 1 byte/s, prompt 1 byte",
        ),
    ],
)
def test_one_is_followed_by_a_singular(key, values, one):
    assert one in say("en", key, **values)
    assert one not in say("en", key, **dict.fromkeys(values, 2))
    assert "2,000" in say("en", key, **dict.fromkeys(values, 2_000))
    assert "|" not in say("zh", key, **values)


def test_no_string_has_a_plural_that_does_not_look_at_its_count():
    for key, said in all_strings().items():
        counted = re.findall(
            r"\{(\w+)\} (?:bytes|characters|models|values)", said["en"]
        )
        # What the strips say is filled in by the browser: positions, not counts.
        assert not counted or key.startswith("read.strips."), (key, counted)
