import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longkeras.serving.characters import character_label, cut_at_character

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(st.characters(codec="utf-8"))
def test_every_label_can_be_seen_and_stands_alone(character):
    label = character_label(character)
    assert label
    for shown in label:
        category = unicodedata.category(shown)
        assert category[0] not in "CZ" and category not in ("Mn", "Me")


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\n", "⏎"),
        (" ", "␣"),
        ("\t", "⇥"),
        ("\r", "␍"),
        ("\x00", "␀"),
        ("\x7f", "␡"),
        ("\u3000", "U+3000"),
        ("\u202e", "U+202E"),
        ("\u0301", "U+0301"),
        ("é", "é"),
        ("月", "月"),
    ],
)
def test_labels(character, label):
    assert character_label(character) == label


@given(TEXT, st.integers(1, 130))
def test_a_cut_keeps_as_many_whole_characters_as_fit(text, max_bytes):
    kept = cut_at_character(text.encode(), max_bytes).decode()
    assert text.startswith(kept) and kept
    assert len(kept) == 1 or len(kept.encode()) <= max_bytes
    if kept != text:
        assert len(text[: len(kept) + 1].encode()) > max_bytes
